/* SPDX-License-Identifier: MIT */
/*
 * The layer of a client that has a volume: redirects its requests from the volume to chunks of the
 * store's disk. Called through layer.h. A request lies in one chunk; if that chunk has to be
 * prepared, store.c does so while the client keeps the request.
 */
#include "vmm/driver/disk/layers/store/store_layer.h"

#include "lib/string.h"
#include "vmm/driver/disk/layers/store/store.h"

struct store_client store_clients[DISK_CLIENT_MAX];
u64 store_client_set;

static struct store_client *store_client_of(const struct client *client)
{
	return &store_clients[client_index(client)];
}

static void store_forget_wish(struct client *client)
{
	struct store_client *own = store_client_of(client);
	struct open_store *store = store_open_at(own->store);

	own->want = WANT_NOTHING;
	if (store->given.number != 0)
		store->page->wait[client_index(client)] = STORE_WAIT_NOT;
}

/*
 * Starts the layer for a new client. The client's first change waits until the disk has all earlier
 * changes of the store, including chunks prepared for the volume's previous client, which has left
 * without waiting for that.
 */
static void store_layer_open(struct client *client, const struct layer *const *below)
{
	struct store_client *own = store_client_of(client);
	const struct open_store *store;

	(void)below;
	*own = (struct store_client){
		.volume = client->given.disk.store.volume,
		.store = client->given.disk.store.store % STORE_MAX,
	};
	store_client_set |= BIT(client_index(client));
	/* the last process of the driver may have left in the page why its client waited */
	store_forget_wish(client);
	store = store_open_at(own->store);
	if (store->given.number == 0 || store->state != STORE_READY ||
	    (!store->pool.dirty && store->job != JOB_COMMIT))
		return;
	own->want = WANT_CHUNK;
	own->operation = BLOCK_OPERATION_COUNT; /* no request of a client has this operation */
	own->after = store->pool.committed + 1 + (store->pool.dirty && store->job == JOB_COMMIT);
}

static void store_layer_close(struct client *client)
{
	struct open_store *store = store_open_at(store_client_of(client)->store);

	store_forget_wish(client);
	store_fill_leave(store, client_index(client));
	*store_client_of(client) = (struct store_client){.volume = 0};
	store_client_set &= ~BIT(client_index(client));
}

/* Lets the client use the new size of its volume, which has grown. */
static void store_layer_command(struct client *client)
{
	client->given.disk.sectors = client_part(client)->sectors;
}

/* Returns the store that has the client's volume, if it is ready, or NULL. */
static struct open_store *store_of(const struct client *client)
{
	struct open_store *store = store_open_at(store_client_of(client)->store);

	return store->given.number != 0 && store->state == STORE_READY ? store : NULL;
}

/*
 * Returns whether requests have to wait for the store: it is being loaded, or its lease has to be
 * looked at, or another host has it, after which they wait until the client ends.
 */
static bool store_is_away(const struct client *client)
{
	const struct open_store *store = store_open_at(store_client_of(client)->store);

	if (store->given.number == 0)
		return false;
	return store->state == STORE_LOADING || store->state == STORE_HELD ||
	       store->state == STORE_LOST ||
	       (store->state == STORE_READY && store_lease_bars(store));
}

static bool store_may_ask(const struct client *client)
{
	const struct open_store *store = store_open_at(store_client_of(client)->store);
	u64 volume = store_client_of(client)->volume;

	return !store_is_away(client) && !store_command_holds(store, volume) &&
	       !store_fill_holds(store, volume);
}

static bool store_waits(const struct client *client)
{
	return !store_may_ask(client) || store_client_of(client)->want != WANT_NOTHING;
}

/* Returns the record of the client's volume, or NULL. */
static const struct store_record *store_record_of(const struct client *client,
						  const struct open_store *store)
{
	struct store_client *own = store_client_of(client);

	return pool_find_again(&store->pool, own->volume, &own->number);
}

/* Returns the volume's record if the request lies in one chunk of the volume, or NULL. */
static const struct store_record *store_check(const struct client *client,
					      const struct open_store *store,
					      const struct block_request *request)
{
	const struct store_record *record = store != NULL ? store_record_of(client, store) : NULL;
	u64 chunk = store != NULL ? store->pool.super.chunk_sectors : 1;

	if (record == NULL || request->sector > record->sectors ||
	    request->sectors > record->sectors - request->sector ||
	    request->sector % chunk + request->sectors > chunk)
		return NULL;
	return record;
}

static enum layer_answer store_end(enum block_status *status, enum block_status how)
{
	*status = how;
	return LAYER_ENDS;
}

/*
 * Notes where a request lies that is handed to the device next: nothing of the store changes
 * before.
 */
static enum layer_answer store_pass(struct client *client, const struct block_request *request,
				    u32 chunk)
{
	struct store_client *own = store_client_of(client);

	own->passed = request->sector + 1;
	own->passed_chunk = chunk;
	return LAYER_PASSES;
}

static enum layer_answer store_read(struct client *client, const struct block_request *request,
				    enum block_status *status)
{
	const struct open_store *store = store_of(client);
	const struct store_record *record = store_check(client, store, request);
	u32 chunk;
	bool alone;

	if (record == NULL)
		return store_end(status, BLOCK_ERROR);
	/*
	 * the client has started anew: the job that is done for its request from before may free
	 * the chunk
	 */
	if (store_fills_for(store, client_index(client)))
		return LAYER_WAITS;
	if (pool_look_up(&store->pool, record, request->sector / store->pool.super.chunk_sectors,
			 &chunk, &alone))
		return store_pass(client, request, chunk);
	if (request->window != 0)
		/* the chunk reads as zeros, which the driver can put into the client's pool only */
		return store_end(status, BLOCK_COPY_ONCE);
	memset(client_pool(client, request->offset), 0,
	       (size_t)request->sectors * BLOCK_SECTOR_BYTES);
	return LAYER_ENDS;
}

static enum layer_answer store_want_of(struct client *client, const struct block_request *request,
				       enum store_want want)
{
	struct store_client *own = store_client_of(client);

	own->want = want;
	own->sector = request->sector;
	own->sectors = request->sectors;
	own->operation = request->operation;
	own->after = 0;
	own->starved_at = 0;
	own->failed = false;
	return LAYER_WAITS;
}

/*
 * Answers a request for which the store may have prepared something: returns true and sets *answer.
 * Returns false if nothing was prepared for the request, or if the layer now has to decide on it
 * anew. A client that has started anew may hold another request than the one for which the store
 * prepares something.
 */
static bool store_goes_on(struct client *client, const struct open_store *store,
			  const struct block_request *request, enum layer_answer *answer,
			  enum block_status *status)
{
	struct store_client *own = store_client_of(client);
	enum store_want want = own->want;
	bool same = own->sector == request->sector && own->sectors == request->sectors &&
		    own->operation == request->operation;

	*answer = LAYER_WAITS;
	if (want == WANT_NOTHING)
		return false;
	if (own->after == 0 && (same || store_fills_for(store, client_index(client))))
		return true;
	if (own->after == 0) {
		store_forget_wish(client);
		return false;
	}
	if (own->failed && same) {
		own->want = WANT_NOTHING;
		*answer = store_end(status, BLOCK_ERROR);
		return true;
	}
	if (own->after > store->pool.committed)
		return true;
	own->want = WANT_NOTHING;
	if (want == WANT_CHUNK || !same)
		return false;
	*answer = store_end(status, BLOCK_OK);
	return true;
}

/*
 * Answers a discard or a write of zeros: has a whole chunk taken from the volume, or zeros written
 * to a part of a chunk.
 */
static enum layer_answer store_clear(struct client *client, const struct open_store *store,
				     const struct block_request *request, bool mapped,
				     enum block_status *status)
{
	u64 volume_end = store_record_of(client, store)->sectors;
	u32 chunk = store->pool.super.chunk_sectors;
	bool whole =
		request->sector % chunk == 0 &&
		(request->sectors == chunk || request->sector + request->sectors == volume_end);

	if (!mapped)
		return store_end(status, BLOCK_OK);
	if (whole)
		return store_want_of(client, request, WANT_UNMAP);
	if (request->operation == BLOCK_DISCARD)
		return store_end(status, BLOCK_OK);
	return store_want_of(client, request, WANT_ZEROES);
}

static enum layer_answer store_write(struct client *client, const struct block_request *request,
				     enum block_status *status)
{
	const struct open_store *store = store_of(client);
	const struct store_record *record = store_check(client, store, request);
	enum layer_answer answer;
	bool mapped;
	bool alone;
	u32 chunk;

	if (record == NULL || (record->flags & STORE_VOLUME_READ_ONLY) != 0)
		return store_end(status, BLOCK_ERROR);
	if (store_goes_on(client, store, request, &answer, status))
		return answer;
	mapped = pool_look_up(&store->pool, record,
			      request->sector / store->pool.super.chunk_sectors, &chunk, &alone);
	if (request->operation != BLOCK_WRITE)
		return store_clear(client, store, request, mapped, status);
	return mapped && alone && !pool_is_summed(&store->pool, chunk)
		       ? store_pass(client, request, chunk)
		       : store_want_of(client, request, WANT_CHUNK);
}

static enum layer_answer store_flush(struct client *client, const struct block_request *request,
				     enum block_status *status)
{
	const struct open_store *store = store_of(client);

	(void)request;
	if (store == NULL)
		return store_end(status, BLOCK_ERROR);
	if (!store_has_feature(store, DISK_FLUSH))
		return store_end(status, BLOCK_OK);
	return LAYER_PASSES;
}

/* Returns the chunk in which a request lies that has passed. */
static u32 store_take_passed(struct client *client, const struct open_store *store, u64 sector)
{
	struct store_client *own = store_client_of(client);
	bool found = own->passed == sector + 1;
	bool alone;
	u32 chunk = 0;

	own->passed = 0;
	if (found)
		return own->passed_chunk;
	(void)pool_look_up(&store->pool, store_record_of(client, store),
			   sector / store->pool.super.chunk_sectors, &chunk, &alone);
	return chunk;
}

/* Redirects the request from its sector in the volume to that on the disk. */
static void store_lead(struct client *client, struct driver_request *request)
{
	struct open_store *store = store_open_at(store_client_of(client)->store);
	u32 chunk;

	request->volume_sector = request->sector;
	if (request->operation == BLOCK_FLUSH)
		return;
	chunk = store_take_passed(client, store, request->sector);
	request->sector = store->given.first_sector + store_sector_of(store, chunk) +
			  request->sector % store->pool.super.chunk_sectors;
	if (request->operation == BLOCK_WRITE && store->given.sum_after_s != 0) {
		pool_write_begins(&store->pool, chunk);
		store_sum_wake(store);
	}
}

/* Notes the end of a client's write, for the sum of the chunk in which it lies. */
static void store_end_write(struct client *client, const struct driver_request *request)
{
	struct open_store *store = store_open_at(store_client_of(client)->store);
	u64 sector;

	if (store->given.sum_after_s == 0)
		return;
	sector = request->sector - store->given.first_sector - store_sector_of(store, 0);
	pool_write_ends(&store->pool, (u32)(sector / store->pool.super.chunk_sectors));
	store_sum_wake(store);
}

static void store_lead_back(struct client *client, struct driver_request *request)
{
	if (request->operation == BLOCK_WRITE)
		store_end_write(client, request);
	request->sector = request->volume_sector;
}

static enum block_status store_done(struct client *client, struct driver_request *request,
				    enum block_status status)
{
	store_lead_back(client, request);
	return status;
}

const struct layer store_layer = {
	.open = store_layer_open,
	.close = store_layer_close,
	.command = store_layer_command,
	.may_ask = store_may_ask,
	.waits = store_waits,
	.read = store_read,
	.write = store_write,
	.flush = store_flush,
	.begin = store_lead,
	.cancel = store_lead_back,
	.done = store_done,
};
