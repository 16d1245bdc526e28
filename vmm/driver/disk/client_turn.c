/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is: all clients that have requests, one after another. In each round a client may
 * have so many bytes of the disk, by its weight among those that compete; what it has beyond it
 * owes. A round stops where the device is full, and goes on there.
 */
#include "vmm/driver/disk/client_turn.h"

#include "lib/bits.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/* Of the client with the largest weight. */
#define TURN_BYTES	 (64ull * 1024)
/* Each request counts so many bytes more than it has, for the work that it makes. */
#define REQUEST_OVERHEAD 4096ull
/* Of the device's places one of so many is for clients that have none: they are served at once. */
#define KEPT_PART	 32u
_Static_assert(TURN_BYTES / REQUEST_OVERHEAD <= 16, "a turn has few requests, however small");
_Static_assert(DISK_CLIENT_MAX <= 64, "a bit for each");

struct round {
	u64 now; /* ticks of the TSC */
	u64 set; /* clients that compete, a bit for each */
	u64 largest_weight;
};

static u32 places = DRIVER_DEPTH; /* that the device has */
static u32 kept;		  /* of these, for clients that have none */
static u32 turn;		  /* the client whose turn it is */
static bool begun;		  /* and it has had some of it */
static u64 looked_at; /* the set of the last round */
static u32 stopped_at = ~0u; /* with so many requests at the device there was no place for one */

void client_set_depth(u32 depth)
{
	places = depth != 0 ? MIN(depth, DRIVER_DEPTH) : DRIVER_DEPTH;
	client_turn_share_out();
}

void client_turn_share_out(void)
{
	u32 count = 0;

	for (u32 i = 0; i < DISK_CLIENT_MAX; i++)
		count += clients[i].given.number != 0;
	kept = count > 1 ? places / KEPT_PART : 0;
}

void client_turn_wake(struct client *client, u64 now_tsc)
{
	if (!client->limited)
		return;
	client->limited = false;
	/* CPUs' clocks may differ by a little */
	if ((s64)(now_tsc - client->limited_tsc) > 0)
		client_counts(client)->limited_ns += clock_tsc_to_ns(now_tsc - client->limited_tsc);
}

static void renew(struct client *client)
{
	if (!link_renewed(&client->end))
		return;
	client->has_held = false;
	(void)sys_event_signal(client->given.bell);
}

static bool has_request(struct client *client)
{
	return client->has_held || link_waiting(&client->end) != 0;
}

/* Those that have requests and are within their limits; a bit for each. */
static u64 find_competitors(u64 now)
{
	u64 set = 0;

	for (u32 i = 0; i < DISK_CLIENT_MAX; i++) {
		struct client *client = &clients[i];

		if (client->given.number == 0 || client->leaving)
			continue;
		renew(client);
		if (client->limited && now >= client->share.ready_at)
			client_turn_wake(client, now);
		if (!client->limited && has_request(client))
			set |= BIT(i);
	}
	return set;
}

static u64 largest_weight(u64 set)
{
	u64 weight = 1;

	for (; set != 0; set &= set - 1)
		weight = MAX(weight, clients[bit_lowest(set)].share.weight);
	return weight;
}

/* A discard's sectors are work, but nothing of them is moved: bytes a second do not count them. */
static void pay(struct client *client)
{
	const struct block_request *request = &client->held;
	u64 sectors = MIN(request->sectors, BLOCK_RANGE_SECTORS); /* a bad one may name more */
	u64 bytes = sectors * BLOCK_SECTOR_BYTES;

	share_pay(&client->share, bytes + REQUEST_OVERHEAD);
	if (client->share.limited)
		share_take(&client->share, 1,
			   request->operation != BLOCK_DISCARD ? (u32)bytes : 0);
}

static bool has_place(const struct client *client)
{
	return client_waiting() < places - (client->waiting != 0 ? kept : 0);
}

/* The rest of its turn; a limit ends it as well. True: it has had something. */
static bool serve_turn(struct client *client)
{
	struct share *share = &client->share;
	bool any = false;

	while (share->deficit > 0) {
		enum client_taken taken = CLIENT_FULL;

		if (unlikely(share->limited) && !share_may_go(share))
			return any;
		if (has_place(client))
			taken = client_take_one(client);
		if (taken == CLIENT_FULL)
			stopped_at = client_waiting();
		if (taken == CLIENT_NOTHING)
			share_rest(share);
		if (taken != CLIENT_TOOK)
			return any;
		pay(client);
		any = true;
	}
	return any;
}

/* False: it is over its limit. */
static bool begin(struct client *client, const struct round *round)
{
	struct share *share = &client->share;

	if (unlikely(share->limited) && !share_refill(share, round->now)) {
		client->limited = true;
		client->limited_tsc = round->now;
		return false;
	}
	/* while nobody competes it owes nobody anything */
	if ((round->set & (round->set - 1)) == 0)
		share->deficit = MAX(share->deficit, 0);
	share_begin_turn(share, round->largest_weight, TURN_BYTES);
	return true;
}

static bool is_stopped(void)
{
	return client_waiting() >= stopped_at;
}

static bool serve_all(const struct round *round)
{
	bool any = false;

	for (u32 i = 0; i < DISK_CLIENT_MAX; i++) {
		if ((round->set & BIT(turn)) != 0 && (begun || begin(&clients[turn], round)))
			any |= serve_turn(&clients[turn]);
		begun = is_stopped();
		if (begun)
			return any;
		turn = (turn + 1) % DISK_CLIENT_MAX;
	}
	return any;
}

/* What is kept for them: each has one request then, and the next in its turn. */
static bool serve_newcomers(const struct round *round)
{
	bool any = false;

	for (u64 set = round->set & ~BIT(turn); set != 0; set &= set - 1) {
		struct client *client = &clients[bit_lowest(set)];

		if (client->waiting == 0 && begin(client, round))
			any |= serve_turn(client);
	}
	return any;
}

bool client_serve(void)
{
	struct round round = {.now = clock_tsc()};
	bool any;

	round.set = find_competitors(round.now);
	looked_at = round.set;
	round.largest_weight = largest_weight(round.set);
	stopped_at = ~0u;
	any = serve_all(&round);
	if (kept != 0 && is_stopped())
		any |= serve_newcomers(&round);
	return any;
}

/*
 * Whoever had no place in the last round, or not enough of a turn, has one once a request ends:
 * that wakes the driver.
 */
static bool may_wait(struct client *client)
{
	u64 bit = BIT(client - clients);

	if (client->given.number == 0 || client->leaving || client->limited)
		return true;
	if (is_stopped() && client_waiting() > 0 && (looked_at & bit) != 0)
		return true;
	return !client->has_held && link_may_wait(&client->end);
}

bool client_may_wait(void)
{
	bool all = true;

	for (u32 i = 0; i < DISK_CLIENT_MAX; i++)
		all &= may_wait(&clients[i]);
	return all;
}

u64 client_deadline(void)
{
	u64 deadline = ~0ull;

	for (u32 i = 0; i < DISK_CLIENT_MAX; i++) {
		if (clients[i].limited)
			deadline = MIN(deadline, clients[i].share.ready_at);
	}
	return deadline;
}
