/* SPDX-License-Identifier: MIT */
/*
 * The clients of a disk driver: accepts and removes them, checks each request before the client's
 * layers and the device get it, and answers requests. Called by the loop (main.c) and by
 * scheduler.c, which decides whose request is next. Owns the clients' links and windows; reaches
 * the device through layer.h only.
 */
#include "vmm/driver/disk/core/client.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/process.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

static struct driver_channel *channel;
static handle_t queue;
static u64 first_key;
static const struct layer *const *(*layers_of)(const struct disk_client_part *part);
struct client clients[DISK_CLIENT_MAX];
u64 client_sets[DISK_UNIT_MAX];
u64 client_quiet_set;
static u64 changed_set; /* a bit for each client that was not shown all its answers yet */
_Static_assert(DISK_CLIENT_MAX <= 64, "a bit for each");

void client_init(struct driver_channel *shared, handle_t signals, u64 first,
		 const struct layer *const *(*choose)(const struct disk_client_part *part))
{
	channel = shared;
	queue = signals;
	first_key = first;
	layers_of = choose;
}

const struct disk_client_part *client_part(const struct client *client)
{
	return &channel->client[client_index(client)].disk;
}

struct disk_part *client_told(void)
{
	return &channel->disk;
}

/* --- a client is attached and removed --- */

static void client_come(u32 index, const struct driver_client *given)
{
	struct client *client = &clients[index];

	*client = (struct client){.given = *given, .layers = layers_of(&given->disk)};
	client->copies = layer_copies(client->layers);
	client->looks_at_reads = layer_looks_at_reads(client->layers);
	client->looks_at_ends = layer_looks_at_ends(client->layers);
	window_change(&client->window, &given->disk);
	client->window_told = client->window.number;
	channel->disk.window[index] = client->window_told;
	if (given->disk.unit >= DISK_UNIT_MAX)
		driver_give_up("client %u is of disk %u", index, given->disk.unit);
	share_open(&client->share, &given->disk.limit);
	slot_open(&client->end, (struct link_memory *)(uintptr_t)given->link, LINK_SERVER);
	if (sys_object_bind(given->doorbell, queue, first_key + index) != STATUS_OK)
		driver_give_up("no signal of client %u can be received", index);
	client_sets[given->disk.unit] |= BIT(index);
	layer_open(client->layers, client);
	memset(&channel->disk.counts[index], 0, sizeof(channel->disk.counts[index]));
	__atomic_store_n(&channel->served[index], given->number, __ATOMIC_RELEASE);
	process_tell_manager();
}

/*
 * Tells the manager, once no request uses the previous window, which window of the client is in
 * use.
 */
static void client_settle_window(struct client *client)
{
	u32 index = client_index(client);

	if (client->given.number == 0 || client->window.under_way != 0 ||
	    client->window_told == client->given.disk.window)
		return;
	window_change(&client->window, &client->given.disk);
	client->window_told = client->window.number;
	__atomic_store_n(&channel->disk.window[index], client->window_told, __ATOMIC_RELEASE);
	process_tell_manager();
}

void client_leave_if_done(struct client *client)
{
	u32 index = client_index(client);

	if (!client->leaving || client->waiting != 0)
		return;
	sys_handle_close(client->given.doorbell);
	sys_handle_close(client->given.bell);
	client_sets[client->given.disk.unit] &= ~BIT(index);
	changed_set &= ~BIT(index);
	layer_close(client->layers, client);
	*client = (struct client){0};
	__atomic_store_n(&channel->served[index], 0, __ATOMIC_RELEASE);
	process_tell_manager();
}

/*
 * Follows the manager's change of the client's window: closes the old window, and opens the new one
 * once no request uses the old one.
 */
static void client_change_window(struct client *client)
{
	struct disk_client_part part = *client_part(client);

	if (part.window == client->given.disk.window)
		return;
	client->given.disk.window = part.window;
	window_close(&client->window);
	client_settle_window(client);
}

void client_wake(struct client *client, u64 now_tsc)
{
	if (!client->limited)
		return;
	client->limited = false;
	/* the TSCs of CPUs may differ slightly: limited_tsc may come out later than now */
	if ((s64)(now_tsc - client->limited_tsc) > 0)
		channel->disk.counts[client_index(client)].limited_ns +=
			clock_tsc_to_ns(now_tsc - client->limited_tsc);
}

/* Applies a changed rate limit; a client that waits because of that limit may be served again. */
static void client_change_limit(struct client *client)
{
	struct share_given limit = client_part(client)->limit;

	if (share_change(&client->share, &limit))
		client_wake(client, clock_tsc());
}

static void client_obey(struct client *client)
{
	client_change_limit(client);
	client_change_window(client);
	layer_command(client->layers, client);
}

static void client_replace(u32 index, u32 number)
{
	struct client *client = &clients[index];

	client->leaving = client->given.number != 0;
	client_leave_if_done(client);
	if (client->given.number == 0 && number != 0) {
		struct driver_client given = channel->client[index];

		client_come(index, &given);
	}
}

void client_take_commands(void)
{
	client_quiet_set = 0;
	for (u32 i = 0; i < DISK_CLIENT_MAX; i++) {
		u32 number = __atomic_load_n(&channel->client[i].number, __ATOMIC_ACQUIRE);

		if (number != clients[i].given.number)
			client_replace(i, number);
		else if (number != 0)
			client_obey(&clients[i]);
	}
}

/* --- requests --- */

static void client_answer(struct client *client, u64 id, enum block_status status)
{
	struct block_answer block_answer = {.id = id, .status = status};

	/* a client that leaves no room for answers in its link loses them by its own fault */
	if (link_room(&client->end) != 0)
		slot_put(&client->end, &block_answer);
	changed_set |= BIT(client_index(client));
}

static bool client_has_data(u32 operation)
{
	return operation == BLOCK_READ || operation == BLOCK_WRITE;
}

static u32 client_feature_of(u32 operation)
{
	return operation == BLOCK_DISCARD	 ? DISK_DISCARD
	       : operation == BLOCK_WRITE_ZEROES ? DISK_WRITE_ZEROES
						 : 0;
}

/* Returns the most sectors of data that the disk takes in one request with data in that place. */
static u32 client_sectors_max(const struct disk_unit *unit, bool in_pool)
{
	u32 pages = in_pool ? BLOCK_REQUEST_PAGES : MIN(unit->direct_pages, BLOCK_DIRECT_PAGES);

	return pages * (u32)(PAGE_SIZE / BLOCK_SECTOR_BYTES);
}

/*
 * Returns BLOCK_OK if the device may do the request. Compares by subtraction, so that no sum can
 * wrap.
 */
static enum block_status client_check(const struct client *client,
				      const struct block_request *request)
{
	u64 left = client->given.disk.sectors;
	const struct disk_unit *unit = &channel->disk.unit[client->given.disk.unit];
	u32 align = unit->block_bytes / BLOCK_SECTOR_BYTES;

	if (request->operation >= BLOCK_OPERATION_COUNT)
		return BLOCK_REFUSED;
	if (client->given.disk.read_only && request->operation != BLOCK_READ &&
	    request->operation != BLOCK_FLUSH)
		return BLOCK_REFUSED;
	if (request->operation == BLOCK_FLUSH)
		return request->sectors == 0 ? BLOCK_OK : BLOCK_REFUSED;
	if (request->sectors == 0 || request->sectors > left ||
	    request->sector > left - request->sectors)
		return BLOCK_REFUSED;
	if (request->sectors % align != 0 || request->sector % align != 0)
		return BLOCK_REFUSED;
	if (!client_has_data(request->operation) && request->sectors > BLOCK_RANGE_SECTORS)
		return BLOCK_REFUSED;
	if (client_has_data(request->operation) &&
	    request->sectors > client_sectors_max(unit, request->window == 0))
		return BLOCK_REFUSED;
	if (client_has_data(request->operation) && request->window == 0 &&
	    (request->offset % PAGE_SIZE != 0 ||
	     request->offset > BLOCK_POOL_BYTES - (u64)request->sectors * BLOCK_SECTOR_BYTES))
		return BLOCK_REFUSED;
	/* discards and zeros of a volume are its store's work, and need no ability of the device */
	if (client->given.disk.store.volume == 0 &&
	    (client_feature_of(request->operation) & ~unit->features) != 0)
		return BLOCK_UNSUPPORTED;
	return BLOCK_OK;
}

static void client_count(struct disk_counts *counts, const struct driver_request *request,
			 enum block_status status)
{
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;

	counts->requests++;
	counts->direct += request->direct;
	counts->errors += status != BLOCK_OK;
	counts->flushes += request->operation == BLOCK_FLUSH;
	counts->read_bytes += request->operation == BLOCK_READ ? bytes : 0;
	counts->written_bytes += request->operation == BLOCK_WRITE ? bytes : 0;
}

/* Adds an ended request to the client's counts, which the manager reads. */
static void client_note(const struct client *client, const struct driver_request *request,
			enum block_status status)
{
	if (channel->first_answer_tsc == 0)
		channel->first_answer_tsc = clock_tsc();
	client_count(&channel->disk.counts[client_index(client)], request, status);
}

/* Answers the request in client->held, which needed no access to the device. */
static void client_finish_here(struct client *client, enum block_status status)
{
	struct driver_request request = {
		.operation = (enum block_operation)client->held.operation,
		.sectors = client->held.sectors,
	};

	channel->finished++;
	client_note(client, &request, status);
	client_answer(client, client->held.id, status);
}

static void client_finish(struct driver_request *request, enum block_status status)
{
	struct client *client = request->client;

	if (client->looks_at_ends)
		status = layer_done(client->layers, client, request, status);
	client_note(client, request, status);
	client->waiting--;
	if (request->direct) {
		client->window.under_way--;
		client_settle_window(client);
	}
	if (!client->leaving)
		client_answer(client, request->id, status);
	client_leave_if_done(client);
}

/*
 * Hands a client's request to the device. Returns false if the device has no room; the request then
 * stays in client->held.
 */
static bool client_hand_over(struct client *client, const struct block_request *asked)
{
	struct driver_request *request = request_take(client->given.disk.unit);

	if (request == NULL)
		return false;
	request->operation = (enum block_operation)asked->operation;
	request->sector = client->given.disk.first_sector + asked->sector;
	request->sectors = asked->sectors;
	request->id = asked->id;
	request->client = client;
	request->done = client_finish;
	request->since_tsc = clock_tsc();
	request->direct = client_has_data(asked->operation) && asked->window != 0;
	if (request->direct) {
		window_addresses(&client->window, asked, request->pages);
		request->address = request->pages;
	} else if (client_has_data(asked->operation)) {
		request->data = client_pool(client, asked->offset);
		if (client->given.disk.pool_pages != 0)
			request->address = (const u64 *)(uintptr_t)client->given.disk.pool_pages +
					   asked->offset / PAGE_SIZE;
	}
	client->waiting++;
	client->window.under_way += request->direct;
	if (layer_submit(client->layers, client, request))
		return true;
	client->window.under_way -= request->direct;
	client->waiting--;
	request_release(request);
	return false;
}

/* Returns BLOCK_OK if the device can reach the data of the request in client->held. */
static enum block_status client_check_window(struct client *client)
{
	if (!client_has_data(client->held.operation) || client->held.window == 0)
		return BLOCK_OK;
	return client->copies ? BLOCK_COPY : window_check(&client->window, &client->held);
}

enum client_taken client_take(struct client *client)
{
	enum layer_answer answer = LAYER_PASSES;
	enum block_status status;

	if (!client->has_held && !slot_take(&client->end, &client->held))
		return CLIENT_NOTHING;
	status = client->has_held ? BLOCK_OK : client_check(client, &client->held);
	/*
	 * checked also for a request that has waited in `held`: the client's window may have closed
	 * since
	 */
	if (status == BLOCK_OK)
		status = client_check_window(client);
	if (status != BLOCK_OK) {
		channel->disk.counts[client_index(client)].refused += status == BLOCK_REFUSED;
		client->has_held = false;
		client_answer(client, client->held.id, status);
		return CLIENT_TOOK;
	}
	client->has_held = true;
	if (client->looks_at_reads || client->held.operation != BLOCK_READ)
		answer = layer_ask(client->layers, client, &client->held, &status);
	if (answer == LAYER_WAITS)
		return CLIENT_WAITS;
	if (answer == LAYER_ENDS)
		client_finish_here(client, status);
	else if (!client_hand_over(client, &client->held))
		return CLIENT_FULL;
	client->has_held = false;
	return CLIENT_TOOK;
}

void client_publish(void)
{
	for (; changed_set != 0; changed_set &= changed_set - 1) {
		struct client *client = &clients[bit_lowest(changed_set)];

		if (link_publish(&client->end))
			(void)sys_event_signal(client->given.bell);
	}
}
