/* SPDX-License-Identifier: MIT */
/*
 * The clients' side of a disk driver: accepts and removes clients, checks every request before the
 * device gets it, and answers. Called by driver.c's loop. Owns the clients' links and the table of
 * requests; reaches the device through `driver_ops` only.
 */
#include "vmm/driver/disk/undo_move.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/view.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

static struct driver_channel *channel;
static handle_t queue;
static u64 first_key;
struct client clients[DISK_CLIENT_MAX];
static struct driver_request requests[DISK_UNIT_MAX][DRIVER_DEPTH];
static u32 request_count[DISK_UNIT_MAX]; /* busy ones */

void client_init(struct driver_channel *shared, handle_t signals, u64 first)
{
	channel = shared;
	queue = signals;
	first_key = first;
}

static void client_come(u32 index, const struct driver_client *given)
{
	struct client *client = &clients[index];

	*client = (struct client){.given = *given};
	window_change(&client->window, &given->disk);
	client->window_told = client->window.number;
	channel->disk.window[index] = client->window_told;
	if (given->disk.unit >= DISK_UNIT_MAX)
		driver_give_up("client %u is of disk %u", index, given->disk.unit);
	share_open(&client->share, &given->disk.limit);
	slot_open(&client->end, (struct link_memory *)(uintptr_t)given->link, LINK_SERVER);
	if (sys_object_bind(given->doorbell, queue, first_key + index) != STATUS_OK)
		driver_give_up("no signal of client %u can be received", index);
	view_come(client);
	client_turn_come(client);
	memset(&channel->disk.undo[index], 0, sizeof(channel->disk.undo[index]));
	undo_take_command(client);
	channel->disk.changes[index] = 0;
	changes_take_command(client);
	memset(&channel->disk.counts[index], 0, sizeof(channel->disk.counts[index]));
	__atomic_store_n(&channel->served[index], given->number, __ATOMIC_RELEASE);
	client_tell_manager();
}

/* Tells the manager, once no request uses the previous window, which window is in use. */
static void client_settle_window(u32 index)
{
	struct client *client = &clients[index];

	if (client->given.number == 0 || client->window.under_way != 0 ||
	    client->window_told == client->given.disk.window)
		return;
	window_change(&client->window, &client->given.disk);
	client->window_told = client->window.number;
	__atomic_store_n(&channel->disk.window[index], client->window_told, __ATOMIC_RELEASE);
	client_tell_manager();
}

static void client_leave_if_done(u32 index)
{
	struct client *client = &clients[index];

	if (!client->leaving || client->waiting != 0)
		return;
	sys_handle_close(client->given.doorbell);
	sys_handle_close(client->given.bell);
	client_turn_leave(client);
	*client = (struct client){0};
	__atomic_store_n(&channel->served[index], 0, __ATOMIC_RELEASE);
	client_tell_manager();
}

/*
 * Obeys the manager's change of the client's window; the device uses the new one once no request is
 * under way.
 */
static void client_change_window(u32 index)
{
	struct disk_client_part part = channel->client[index].disk;
	struct client *client = &clients[index];

	if (part.window == client->given.disk.window)
		return;
	client->given.disk.window = part.window;
	window_close(&client->window);
	client_settle_window(index);
}

/* Applies a changed limit; a client that waits for its limit is looked at again. */
static void client_change_limit(u32 index)
{
	struct share_given limit = channel->client[index].disk.limit;

	if (clients[index].given.number != 0 && share_change(&clients[index].share, &limit))
		client_turn_wake(&clients[index], clock_tsc());
}

void client_take_commands(void)
{
	for (u32 i = 0; i < DISK_CLIENT_MAX; i++) {
		u32 number = __atomic_load_n(&channel->client[i].number, __ATOMIC_ACQUIRE);

		if (number == clients[i].given.number) {
			client_change_limit(i);
			client_change_window(i);
			undo_take_command(&clients[i]);
			changes_take_command(&clients[i]);
			continue;
		}
		clients[i].leaving = clients[i].given.number != 0;
		client_leave_if_done(i);
		if (clients[i].given.number == 0 && number != 0) {
			struct driver_client given = channel->client[i];

			client_come(i, &given);
		}
	}
}

static void client_answer(struct client *client, u64 id, enum block_status status)
{
	struct block_answer block_answer = {.id = id, .status = status};

	/* a client without room for its answer loses the answer by its own fault */
	if (link_room(&client->end) != 0)
		slot_put(&client->end, &block_answer);
	client->changed = true;
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
	    request->sectors > BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
		return BLOCK_REFUSED;
	if (client_has_data(request->operation) && request->window == 0 &&
	    (request->offset % PAGE_SIZE != 0 ||
	     request->offset > BLOCK_POOL_BYTES - (u64)request->sectors * BLOCK_SECTOR_BYTES))
		return BLOCK_REFUSED;
	if ((client_feature_of(request->operation) & ~unit->features) != 0)
		return BLOCK_UNSUPPORTED;
	return BLOCK_OK;
}

struct driver_request *client_request(u32 unit)
{
	for (u32 i = 0; i < DRIVER_DEPTH && request_count[unit] < DRIVER_DEPTH; i++) {
		struct driver_request *request = &requests[unit][i];

		if (request->busy)
			continue;
		*request =
			(struct driver_request){.busy = true, .client = DRIVER_SELF, .unit = unit};
		request_count[unit]++;
		return request;
	}
	return NULL;
}

static void client_release(struct driver_request *request)
{
	request->busy = false;
	request_count[request->unit]--;
}

/*
 * Hands a request to the device. Returns false if the device has no room; the client keeps the
 * request.
 */
static bool client_hand_over(struct client *client, const struct block_request *asked)
{
	struct driver_request *request = client_request(client->given.disk.unit);

	if (request == NULL)
		return false;
	request->operation = (enum block_operation)asked->operation;
	request->sector = client->given.disk.first_sector + asked->sector;
	request->sectors = asked->sectors;
	request->id = asked->id;
	request->client = (u32)(client - clients);
	request->since_tsc = clock_tsc();
	request->direct = client_has_data(asked->operation) && asked->window != 0;
	if (request->direct) {
		window_addresses(&client->window, asked, request->pages);
		request->address = request->pages;
	} else if (client_has_data(asked->operation)) {
		request->data = view_is(client) ? view_bounce(client, asked->offset)
						: client_pool(client, asked->offset);
		if (client->given.disk.pool_pages != 0)
			request->address = (const u64 *)(uintptr_t)client->given.disk.pool_pages +
					   asked->offset / PAGE_SIZE;
	}
	changes_note(&client->changes, asked->operation, asked->sector, asked->sectors);
	client->waiting++;
	client->window.under_way += request->direct;
	if (view_is(client))
		view_begin(client, request);
	if (driver_ops.submit(request))
		return true;
	if (view_is(client))
		view_end(client, request);
	client->window.under_way -= request->direct;
	client->waiting--;
	client_release(request);
	return false;
}

struct disk_counts *client_counts(const struct client *client)
{
	return &channel->disk.counts[client - clients];
}

const struct disk_undo_given *client_undo_given(const struct client *client)
{
	return &channel->client[client - clients].disk.undo;
}

struct disk_undo_told *client_undo_told(const struct client *client)
{
	return &channel->disk.undo[client - clients];
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

/* Accounts for a request that has been answered. */
static void client_note(const struct client *client, const struct driver_request *request,
			enum block_status status)
{
	channel->finished++;
	if (channel->first_answer_tsc == 0)
		channel->first_answer_tsc = clock_tsc();
	client_count(client_counts(client), request, status);
}

/* Answers the held request, which needed no access to the device. */
static void client_finish_here(struct client *client, enum block_status status)
{
	struct driver_request request = {
		.operation = (enum block_operation)client->held.operation,
		.sectors = client->held.sectors,
	};

	client_note(client, &request, status);
	client_answer(client, client->held.id, status);
}

const struct disk_changes_given *client_changes_given(const struct client *client)
{
	return &channel->client[client - clients].disk.changes;
}

u32 *client_changes_told(const struct client *client)
{
	return &channel->disk.changes[client - clients];
}

enum client_taken client_take_one(struct client *client)
{
	enum client_taken taken;
	enum block_status status;

	if (!client->has_held && !slot_take(&client->end, &client->held))
		return CLIENT_NOTHING;
	status = client->has_held ? BLOCK_OK : client_check(client, &client->held);
	/* checked also for a held request: the client's window may have closed since */
	if (status == BLOCK_OK && client_has_data(client->held.operation) &&
	    client->held.window != 0)
		status =
			view_is(client) ? BLOCK_COPY : window_check(&client->window, &client->held);
	if (status != BLOCK_OK) {
		client_counts(client)->refused += status == BLOCK_REFUSED;
		client->has_held = false;
		client_answer(client, client->held.id, status);
		return CLIENT_TOOK;
	}
	taken = view_is(client) ? view_take(client, &client->held, &status)
				: undo_keep(client, &client->held);
	if (taken == CLIENT_DONE) {
		client_finish_here(client, status);
		taken = CLIENT_TOOK;
	} else if (taken == CLIENT_TOOK && !client_hand_over(client, &client->held)) {
		taken = CLIENT_FULL;
	}
	client->has_held = taken != CLIENT_TOOK;
	return taken;
}

void driver_finish(struct driver_request *request, enum block_status status)
{
	u32 index = request->client;
	const struct client *client;

	request->status = status;
	client_release(request);
	if (index == DRIVER_SELF) {
		channel->finished++;
		client = undo_finished(request, status);
		if (client != NULL)
			client_leave_if_done((u32)(client - clients));
		return;
	}
	if (view_is(&clients[index]))
		status = view_finish(&clients[index], request, status);
	client_note(&clients[index], request, status);
	clients[index].waiting--;
	if (request->direct) {
		clients[index].window.under_way--;
		client_settle_window(index);
	}
	if (!clients[index].leaving)
		client_answer(&clients[index], request->id, status);
	client_leave_if_done(index);
}

void client_publish(void)
{
	for (u32 i = 0; i < DISK_CLIENT_MAX; i++) {
		struct client *client = &clients[i];

		if (!client->changed)
			continue;
		client->changed = false;
		if (link_publish(&client->end))
			(void)sys_event_signal(client->given.bell);
	}
}

u32 client_waiting_for(u32 unit)
{
	return request_count[unit];
}

u32 client_waiting(void)
{
	u32 count = 0;

	for (u32 unit = 0; unit < DISK_UNIT_MAX; unit++)
		count += request_count[unit];
	return count;
}
