/* SPDX-License-Identifier: MIT */
/*
 * Serves clients that see another client's disk as of a snapshot. A layer of their disk (view.h):
 * overlays kept pieces on the device's data, and stores the view's writes. Owns the view's overlay
 * and bounce pages; never writes to the device.
 */
#include "vmm/driver/disk/layers/view.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/disk/layers/undo_move.h"

struct view {
	/*
	 * the number, plus 1, of the piece that view_fetch could not read from the device; 0: there
	 * is none
	 */
	u64 not_fetched;
	/* a bit for each bounce page that a read from the device uses */
	u64 bounced[BLOCK_POOL_PAGES / 64];
};

static struct view views[DISK_CLIENT_MAX];

static struct view *view_of(const struct client *client)
{
	return &views[client_index(client)];
}

static const struct client *view_source_of(const struct client *client)
{
	return &clients[client->given.disk.view.of % DISK_CLIENT_MAX];
}

/*
 * Returns the store of the pieces that the view's source client has overwritten since the snapshot.
 */
static const struct undo *view_old_of(const struct client *client)
{
	return undo_of(view_source_of(client));
}

static bool view_has_overlay(const struct client *client)
{
	return !client->given.disk.read_only;
}

/* Returns whether the snapshot seen by the view, and the view's overlay, are still complete. */
static bool view_is_whole(const struct client *client)
{
	const struct undo *old = view_old_of(client);

	return old->number == client->given.disk.view.number && undo_keeps(old) &&
	       (!view_has_overlay(client) || undo_keeps(undo_of(client)));
}

/*
 * Returns whether requests may be taken from the view: its source client and its overlay are there.
 */
static bool view_may_ask(const struct client *client)
{
	return view_source_of(client)->given.number != 0 &&
	       (!view_has_overlay(client) || undo_of(client)->number != 0);
}

static void view_lay_over(const struct client *client, u64 sector, u32 sectors, u8 *data)
{
	undo_lay_over(view_old_of(client), sector, sectors, data);
	if (view_has_overlay(client))
		undo_lay_over(undo_of(client), sector, sectors, data);
}

/* --- reads from the device --- */

/* Returns the bounce page's address that corresponds to this offset in the client's pool. */
static u8 *view_bounce(const struct client *client, u64 offset)
{
	return (u8 *)client->end.memory + BLOCK_BOUNCE_OFFSET + offset;
}

static u64 view_bytes_of(u32 sectors)
{
	return (u64)sectors * BLOCK_SECTOR_BYTES;
}

/*
 * Returns whether another read uses one of the bounce pages of this part of the pool: a client may
 * name a part of its pool twice.
 */
static bool view_is_bounced(const struct client *client, u64 offset, u64 bytes)
{
	const u64 *bounced = view_of(client)->bounced;

	for (u64 page = offset / PAGE_SIZE; page * PAGE_SIZE < offset + bytes; page++) {
		if ((bounced[page / 64] & BIT(page % 64)) != 0)
			return true;
	}
	return false;
}

static void view_mark_bounced(const struct client *client, const struct driver_request *request,
			      bool is_bounced)
{
	u64 *bounced = view_of(client)->bounced;
	u64 first = (u64)(request->data - view_bounce(client, 0)) / PAGE_SIZE;
	u64 pages = align_up(view_bytes_of(request->sectors), PAGE_SIZE) / PAGE_SIZE;

	for (u64 page = first; page < first + pages; page++) {
		if (is_bounced)
			bounced[page / 64] |= BIT(page % 64);
		else
			bounced[page / 64] &= ~BIT(page % 64);
	}
}

/* Makes the device read into the bounce pages, which are reserved for it until view_end. */
static void view_begin(struct client *client, struct driver_request *request)
{
	request->data = view_bounce(client, (u64)(request->data - client_pool(client, 0)));
	view_mark_bounced(client, request, true);
}

static void view_end(struct client *client, struct driver_request *request)
{
	view_mark_bounced(client, request, false);
}

static bool view_waits(const struct client *client)
{
	const struct block_request *held = &client->held;

	if (!view_may_ask(client))
		return true;
	return undo_waits(client) ||
	       (client->has_held && held->operation == BLOCK_READ &&
		view_is_bounced(client, held->offset, view_bytes_of(held->sectors)));
}

/*
 * Ends a read: copies the result to the client's pool. Clears the bounce pages, in case the device
 * leaves out a part of the next read.
 */
static enum block_status view_finish(struct client *client, struct driver_request *request,
				     enum block_status status)
{
	u64 offset = (u64)(request->data - view_bounce(client, 0));
	u64 bytes = view_bytes_of(request->sectors);

	view_end(client, request);
	if (status == BLOCK_OK && !view_is_whole(client))
		status = BLOCK_ERROR;
	if (status != BLOCK_OK) {
		memset(request->data, 0, bytes);
		return status;
	}
	view_lay_over(client, request->sector - client->given.disk.first_sector, request->sectors,
		      request->data);
	memcpy(client_pool(client, offset), request->data, bytes);
	return BLOCK_OK;
}

/* --- writes to the overlay --- */

/* The part of one piece that a request covers, in sectors from the piece's beginning. */
struct part {
	u64 piece;
	u32 from;
	u32 end;
	u64 at; /* where the part's data begin in the request's data, in bytes */
};

/* Advances *part to the part of the request in the next piece. Returns false after the last. */
static bool view_next_part(const struct block_request *request, struct part *part)
{
	u64 sector =
		part->end == 0 ? request->sector : part->piece * UNDO_PIECE_SECTORS + part->end;
	u64 left = request->sector + request->sectors - sector;

	if (left == 0)
		return false;
	part->piece = sector / UNDO_PIECE_SECTORS;
	part->from = (u32)(sector % UNDO_PIECE_SECTORS);
	part->end = (u32)MIN(UNDO_PIECE_SECTORS, part->from + left);
	part->at = (sector - request->sector) * BLOCK_SECTOR_BYTES;
	return true;
}

static bool view_is_all(const struct part *part)
{
	return part->from == 0 && part->end == UNDO_PIECE_SECTORS;
}

static u64 view_missing_of(const struct undo *overlay, const struct block_request *request)
{
	struct part part = {0};
	u64 count = 0;

	while (view_next_part(request, &part))
		count += undo_find(overlay, part.piece) == NULL;
	return count;
}

/* Copies a piece into the overlay, before a part of the piece is written. */
static enum layer_answer view_fetch(struct client *client, u64 piece, enum block_status *status)
{
	struct undo *overlay = undo_of(client);

	while (undo_find(overlay, piece) == NULL) {
		const struct undo_entry *entry = undo_find(view_old_of(client), piece);

		if (entry != NULL) {
			undo_add(overlay, piece, undo_data(entry));
		} else if (view_of(client)->not_fetched == piece + 1) {
			view_of(client)->not_fetched = 0;
			*status = BLOCK_ERROR;
			return LAYER_ENDS;
		} else if (undo_read(client, piece, 1)) {
			return LAYER_WAITS;
		}
	}
	return LAYER_PASSES;
}

/* Adds the piece that view_fetch has had read to the overlay. */
static void view_fetched(struct client *client, const struct undo_read *read,
			 enum block_status status)
{
	struct undo *overlay = undo_of(client);

	if (status != BLOCK_OK || !view_is_whole(client)) {
		view_of(client)->not_fetched = read->piece + 1;
		return;
	}
	/* a new monitor of the same view may have written the piece meanwhile */
	if (undo_find(overlay, read->piece) != NULL || undo_is_full(overlay))
		return;
	undo_lay_over(view_old_of(client), read->piece * UNDO_PIECE_SECTORS, UNDO_PIECE_SECTORS,
		      read->data);
	undo_add(overlay, read->piece, read->data);
}

/*
 * Writes a request's data into the overlay. A new piece is added when it is complete; a piece that
 * the overlay has changes part by part.
 */
static void view_store(struct client *client, const struct block_request *request,
		       const struct part *part)
{
	bool zeroes = request->operation == BLOCK_WRITE_ZEROES;
	const u8 *data = zeroes ? NULL : client_pool(client, request->offset) + part->at;
	struct undo *overlay = undo_of(client);
	struct undo_entry *entry = undo_find(overlay, part->piece);
	u64 bytes = (u64)(part->end - part->from) * BLOCK_SECTOR_BYTES;
	u8 *to;

	if (entry == NULL) {
		undo_add(overlay, part->piece, data);
		return;
	}
	to = undo_data(entry) + (u64)part->from * BLOCK_SECTOR_BYTES;
	if (zeroes)
		memset(to, 0, bytes);
	else
		memcpy(to, data, bytes);
}

static enum layer_answer view_write_all(struct client *client, const struct block_request *request,
					enum block_status *status)
{
	struct undo *overlay = undo_of(client);
	struct part part = {0};

	if (view_missing_of(overlay, request) > overlay->room - overlay->count) {
		undo_tell(client, true);
		*status = BLOCK_ERROR;
		return LAYER_ENDS;
	}
	while (view_next_part(request, &part)) {
		enum layer_answer answer =
			view_is_all(&part) ? LAYER_PASSES : view_fetch(client, part.piece, status);

		if (answer != LAYER_PASSES)
			return answer;
	}
	part = (struct part){0};
	while (view_next_part(request, &part))
		view_store(client, request, &part);
	undo_tell_kept(client);
	return LAYER_ENDS;
}

/* Answers a view's request for which nothing has to be done, such as a flush or a discard. */
static enum layer_answer view_end_at_once(struct client *client,
					  const struct block_request *request,
					  enum block_status *status)
{
	(void)request;
	*status = view_is_whole(client) ? BLOCK_OK : BLOCK_ERROR;
	return LAYER_ENDS;
}

static enum layer_answer view_write(struct client *client, const struct block_request *request,
				    enum block_status *status)
{
	/* a discard may leave the disk's content as it is */
	if (!view_is_whole(client) || request->operation == BLOCK_DISCARD)
		return view_end_at_once(client, request, status);
	return view_write_all(client, request, status);
}

/*
 * Returns whether the overlay or the source's store has each piece that the request reads, so the
 * device need not be read.
 */
static bool view_is_here(const struct client *client, const struct block_request *request)
{
	struct part part = {0};

	while (view_next_part(request, &part)) {
		if (undo_find(view_old_of(client), part.piece) == NULL &&
		    (!view_has_overlay(client) || undo_find(undo_of(client), part.piece) == NULL))
			return false;
	}
	return true;
}

static enum layer_answer view_read(struct client *client, const struct block_request *request,
				   enum block_status *status)
{
	if (!view_is_whole(client))
		return view_end_at_once(client, request, status);
	if (!view_is_here(client, request))
		return view_is_bounced(client, request->offset, view_bytes_of(request->sectors))
			       ? LAYER_WAITS
			       : LAYER_PASSES;
	view_lay_over(client, request->sector, request->sectors,
		      client_pool(client, request->offset));
	return LAYER_ENDS;
}

/* --- a view is attached and removed --- */

/*
 * Initializes a new view. Clears the bounce pages into which the device may have read for an
 * earlier process; without DMA this process fills the bounce pages, and each read fills all of them
 * or fails.
 */
static void view_open(struct client *client, const struct layer *const *below)
{
	*view_of(client) = (struct view){0};
	if (client->given.disk.pool_pages != 0)
		memset(view_bounce(client, 0), 0, BLOCK_BOUNCE_BYTES);
	undo_move_open(client, below, false, view_fetched);
}

static void view_close(struct client *client)
{
	*view_of(client) = (struct view){0};
	undo_move_close(client);
}

const struct layer view_layer = {
	.open = view_open,
	.close = view_close,
	.command = undo_take_command,
	.may_ask = view_may_ask,
	.waits = view_waits,
	.read = view_read,
	.write = view_write,
	.flush = view_end_at_once,
	.begin = view_begin,
	.cancel = view_end,
	.done = view_finish,
	.copies = true,
};
