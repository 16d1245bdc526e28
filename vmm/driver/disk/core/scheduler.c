/* SPDX-License-Identifier: MIT */
/*
 * The scheduler of a driver's clients: serves all clients with requests in turn. In each round a
 * client may move a number of bytes, by its weight among the competing clients; an excess is
 * debited to later rounds. A round stops when the device is full, and resumes there. Called by the
 * loop (main.c); owns the turns of each disk, takes requests through client.c and touches no
 * hardware.
 */
#include "vmm/driver/disk/core/scheduler.h"

#include "lib/bits.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/* The bytes that the client with the largest weight may move in each round of turns. */
#define TURN_BYTES (64ull * 1024)
/* The bytes that each request is charged beyond its data, for the work it makes. */
#define REQUEST_OVERHEAD 4096ull
/*
 * One in KEPT_PART device slots is reserved for clients that have no request at the device, so that
 * such a client is served at once.
 */
#define KEPT_PART 32u
/*
 * A driver that never waits hears no signal: in one round of so many that pass without one it looks
 * at all clients.
 */
#define ROUNDS_UNHEARD 8u
_Static_assert(TURN_BYTES / REQUEST_OVERHEAD <= 16, "a turn has few requests, however small");

/* The order in which one disk's clients are served: clients with requests take turns. */
struct turns {
	/* the most requests that the device may have for this disk; 0: the disk is not served */
	u32 places;
	u32 turn; /* the client whose turn it is */
	/* the client `turn` has used a part of its turn, and continues it in the next round */
	bool begun;
	u64 looked_at; /* the clients that had requests in the last round, a bit for each */
	/*
	 * how many requests the device had for this disk when it took no more; ~0: it has taken
	 * every request
	 */
	u32 stopped_at;
};

struct round {
	struct turns *turns;
	u32 unit;
	u32 kept; /* device slots reserved for clients that have no request at the device */
	u64 now;  /* the TSC at the round's beginning */
	u64 set;  /* clients that have requests and may be served, a bit for each */
	u64 largest_weight;
};

static struct turns units[DISK_UNIT_MAX];
static u32 unit_count; /* the number of disks that are served: the first ones of the driver */
/* a bit for each client over its rate limit, and for some that were before */
static u64 limited_set;
static u32 rounds_unheard; /* the rounds since a client's signal was heard or all were looked at */

void scheduler_open(u32 unit, u32 depth)
{
	unit_count = MAX(unit_count, unit + 1);
	units[unit] = (struct turns){
		.places = depth != 0 ? MIN(depth, DRIVER_DEPTH) : DRIVER_DEPTH,
		.stopped_at = ~0u,
	};
}

static void scheduler_renew(struct client *client)
{
	if (!link_renewed(&client->end))
		return;
	client->has_held = false;
	(void)sys_event_signal(client->given.bell);
}

/* Returns whether the client has a request and its layers and limits let it be served now. */
static bool scheduler_competes(struct client *client, u64 now)
{
	if (client->leaving || !layer_may_ask(client->layers, client))
		return false;
	scheduler_renew(client);
	if (client->limited && now >= client->share.ready_at)
		client_wake(client, now);
	return !client->limited && (client->has_held || link_waiting(&client->end) != 0);
}

static u64 scheduler_find_competitors(u64 members, u64 now)
{
	u64 found = 0;

	for (u64 set = members; set != 0; set &= set - 1) {
		if (scheduler_competes(&clients[bit_lowest(set)], now))
			found |= set & -set;
	}
	return found;
}

static u64 scheduler_largest_weight(u64 set)
{
	u64 weight = 1;

	for (; set != 0; set &= set - 1)
		weight = MAX(weight, clients[bit_lowest(set)].share.weight);
	return weight;
}

/*
 * Charges the client's turn and limits for its request in client->held. A discard moves no data: it
 * counts against requests a second, not against bytes a second.
 */
static void scheduler_pay(struct client *client)
{
	const struct block_request *request = &client->held;
	/* a bad request may name more sectors than a request can have */
	u64 sectors = MIN(request->sectors, BLOCK_RANGE_SECTORS);
	u64 bytes = sectors * BLOCK_SECTOR_BYTES;

	share_pay(&client->share, bytes + REQUEST_OVERHEAD);
	if (client->share.limited)
		share_take(&client->share, 1, request->operation != BLOCK_DISCARD ? (u32)bytes : 0);
}

static bool scheduler_has_place(const struct round *round, const struct client *client)
{
	return request_waiting_for(round->unit) <
	       round->turns->places - (client->waiting != 0 ? round->kept : 0);
}

/*
 * Takes requests of the client for the rest of its turn, which the client's rate limit may end
 * earlier. Returns true if a request was taken.
 */
static bool scheduler_serve_turn(const struct round *round, struct client *client)
{
	struct share *share = &client->share;
	bool any = false;

	while (share->deficit > 0) {
		enum client_taken taken = CLIENT_FULL;

		if (unlikely(share->limited) && !share_may_go(share))
			return any;
		if (scheduler_has_place(round, client))
			taken = client_take(client);
		if (taken == CLIENT_FULL)
			round->turns->stopped_at = request_waiting_for(round->unit);
		if (taken == CLIENT_NOTHING)
			share_rest(share);
		if (taken != CLIENT_TOOK)
			return any;
		scheduler_pay(client);
		any = true;
		/* a request that has come since is found in the next turn, or before the wait */
		if (slot_was_last(&client->end)) {
			share_rest(share);
			break;
		}
	}
	return any;
}

/* Begins the client's turn. Returns false if the client is over its rate limit. */
static bool scheduler_begin(const struct round *round, struct client *client)
{
	struct share *share = &client->share;

	if (unlikely(share->limited) && !share_refill(share, round->now)) {
		client->limited = true;
		limited_set |= BIT(client_index(client));
		client->limited_tsc = round->now;
		return false;
	}
	/* a client without competitors has no debt */
	if ((round->set & (round->set - 1)) == 0)
		share->deficit = MAX(share->deficit, 0);
	share_begin_turn(share, round->largest_weight, TURN_BYTES);
	return true;
}

static bool scheduler_is_stopped(u32 unit)
{
	return request_waiting_for(unit) >= units[unit].stopped_at;
}

/*
 * Returns the index of the first client of the set at or after index `client`, wrapping at the end.
 */
static u32 scheduler_next_of(u64 set, u32 client)
{
	/* a word has no bit for the index behind the last client's */
	u64 above = client < DISK_CLIENT_MAX ? set & ~(BIT(client) - 1) : 0;

	return bit_lowest(above != 0 ? above : set);
}

/* Gives each client of the round's set a turn, or the rest of the turn begun in the last round. */
static bool scheduler_serve_all(const struct round *round)
{
	struct turns *turns = round->turns;
	bool any = false;

	turns->begun = turns->begun && (round->set & BIT(turns->turn)) != 0;
	turns->turn = scheduler_next_of(round->set, turns->turn);
	for (u64 left = round->set; left != 0;) {
		struct client *client = &clients[turns->turn];

		left &= ~BIT(turns->turn);
		if (turns->begun || scheduler_begin(round, client))
			any |= scheduler_serve_turn(round, client);
		turns->begun = scheduler_is_stopped(round->unit);
		if (turns->begun)
			return any;
		turns->turn = scheduler_next_of(round->set, turns->turn + 1);
	}
	return any;
}

/*
 * Gives each client that has no request at the device a reserved slot for one request; its next
 * request waits for the client's turn. Returns whether any client was served.
 */
static bool scheduler_serve_newcomers(const struct round *round)
{
	bool any = false;

	for (u64 set = round->set & ~BIT(round->turns->turn); set != 0; set &= set - 1) {
		struct client *client = &clients[bit_lowest(set)];

		if (client->waiting == 0 && scheduler_begin(round, client))
			any |= scheduler_serve_turn(round, client);
	}
	return any;
}

static bool scheduler_serve_disk(u32 unit, u64 now)
{
	u64 members = client_sets[unit];
	bool several = (members & (members - 1)) != 0;
	struct turns *turns = &units[unit];
	struct round round = {
		.turns = turns,
		.unit = unit,
		.kept = several ? turns->places / KEPT_PART : 0,
		.now = now,
	};
	bool any;

	round.set = scheduler_find_competitors(members & ~client_quiet_set, now);
	round.largest_weight = scheduler_largest_weight(round.set);
	turns->looked_at = round.set;
	turns->stopped_at = ~0u;
	if (round.set == 0) {
		turns->begun = false;
		return false;
	}
	any = scheduler_serve_all(&round);
	if (round.kept != 0 && scheduler_is_stopped(unit))
		any |= scheduler_serve_newcomers(&round);
	return any;
}

void scheduler_hear(u64 index)
{
	if (index >= DISK_CLIENT_MAX)
		return;
	client_quiet_set &= ~BIT(index);
	rounds_unheard = 0;
}

bool scheduler_serve(void)
{
	u64 now = clock_tsc();
	bool any = false;

	if (++rounds_unheard >= ROUNDS_UNHEARD) {
		client_quiet_set = 0;
		rounds_unheard = 0;
	}
	for (u32 unit = 0; unit < unit_count; unit++) {
		if (units[unit].places != 0 && client_sets[unit] != 0)
			any |= scheduler_serve_disk(unit, now);
	}
	return any;
}

/*
 * Returns whether the driver may sleep as far as this client goes: a client that found no slot, or
 * had too short a turn, continues when a request ends, and that end wakes the driver.
 */
static bool scheduler_client_may_wait(u32 unit, struct client *client)
{
	u64 bit = BIT(client_index(client));

	if (client->leaving || client->limited)
		return true;
	if (!layer_may_ask(client->layers, client))
		return layer_waits(client->layers, client);
	if (client->has_held && layer_waits(client->layers, client))
		return true;
	if (scheduler_is_stopped(unit) && request_waiting_for(unit) > 0 &&
	    (units[unit].looked_at & bit) != 0)
		return true;
	if (client->has_held || !link_may_wait(&client->end))
		return false;
	client_quiet_set |= bit;
	return true;
}

bool scheduler_may_wait(void)
{
	bool all = true;

	for (u32 unit = 0; unit < unit_count; unit++) {
		u64 set = units[unit].places != 0 ? client_sets[unit] & ~client_quiet_set : 0;

		for (; set != 0; set &= set - 1)
			all &= scheduler_client_may_wait(unit, &clients[bit_lowest(set)]);
	}
	return all;
}

u64 scheduler_deadline(void)
{
	u64 deadline = ~0ull;

	for (u64 set = limited_set; set != 0; set &= set - 1) {
		const struct client *client = &clients[bit_lowest(set)];

		if (client->limited)
			deadline = MIN(deadline, client->share.ready_at);
		else
			limited_set &= ~(set & -set);
	}
	return deadline;
}
