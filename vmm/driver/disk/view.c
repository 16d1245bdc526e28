/* SPDX-License-Identifier: MIT */
/*
 * Serves clients that see another client's disk as of a snapshot (view.h): overlays kept pieces on
 * what the device reads, and stores what the view writes. Called by client.c and undo_move.c. Owns
 * the view's overlay and bounce pages; never writes to the device.
 */
#include "vmm/driver/disk/view.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/undo_move.h"

static const struct client *view_source_of(const struct client *client)
{
	return &clients[client->given.disk.view.of % DISK_CLIENT_MAX];
}

static bool view_has_overlay(const struct client *client)
{
	return !client->given.disk.read_only;
}

/* Returns whether the snapshot seen by the view, and the view's overlay, are still complete. */
static bool view_is_whole(const struct client *client)
{
	const struct undo *undo = &view_source_of(client)->undo;

	return undo->number == client->given.disk.view.number && undo_keeps(undo) &&
	       (!view_has_overlay(client) || undo_keeps(&client->undo));
}

bool view_may_ask(const struct client *client)
{
	return !view_is(client) || (view_source_of(client)->given.number != 0 &&
				    (!view_has_overlay(client) || client->undo.number != 0));
}

static void view_lay_over(const struct client *client, u64 sector, u32 sectors, u8 *data)
{
	undo_lay_over(&view_source_of(client)->undo, sector, sectors, data);
	if (view_has_overlay(client))
		undo_lay_over(&client->undo, sector, sectors, data);
}

/* --- reads from the device --- */

u8 *view_bounce(const struct client *client, u64 offset)
{
	return (u8 *)client->end.memory + BLOCK_BOUNCE_OFFSET + offset;
}

/*
 * Clears the bounce pages. Without DMA this process fills them; each read fills all of them or
 * fails.
 */
void view_come(const struct client *client)
{
	if (view_is(client) && client->given.disk.pool_pages != 0)
		memset(view_bounce(client, 0), 0, BLOCK_BOUNCE_BYTES);
}

static u64 view_bytes_of(u32 sectors)
{
	return (u64)sectors * BLOCK_SECTOR_BYTES;
}

/*
 * Returns whether another read uses one of these pages: a client may name a part of its pool twice.
 */
static bool view_is_bounced(const struct client *client, u64 offset, u64 bytes)
{
	for (u64 page = offset / PAGE_SIZE; page * PAGE_SIZE < offset + bytes; page++) {
		if ((client->bounced[page / 64] & BIT(page % 64)) != 0)
			return true;
	}
	return false;
}

static void view_mark_bounced(struct client *client, const struct driver_request *request,
			      bool bounced)
{
	u64 first = (u64)(request->data - view_bounce(client, 0)) / PAGE_SIZE;
	u64 pages = align_up(view_bytes_of(request->sectors), PAGE_SIZE) / PAGE_SIZE;

	for (u64 page = first; page < first + pages; page++) {
		if (bounced)
			client->bounced[page / 64] |= BIT(page % 64);
		else
			client->bounced[page / 64] &= ~BIT(page % 64);
	}
}

void view_begin(struct client *client, const struct driver_request *request)
{
	view_mark_bounced(client, request, true);
}

void view_end(struct client *client, const struct driver_request *request)
{
	view_mark_bounced(client, request, false);
}

bool view_waits(const struct client *client)
{
	const struct block_request *held = &client->held;

	return view_is(client) && client->has_held && held->operation == BLOCK_READ &&
	       view_is_bounced(client, held->offset, view_bytes_of(held->sectors));
}

/* Answers a read. Clears the bounce pages, in case a device leaves out a part of the next read. */
enum block_status view_finish(struct client *client, const struct driver_request *request,
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
	u64 at; /* where its data begin in the request's, in bytes */
};

/* Advances to the request's next part. Returns false after the last. */
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

/* Copies what a piece held into the overlay, before a part of the piece is written. */
static enum client_taken view_fetch(struct client *client, u64 piece, enum block_status *status)
{
	const struct undo *old = &view_source_of(client)->undo;

	while (undo_find(&client->undo, piece) == NULL) {
		const struct undo_entry *entry = undo_find(old, piece);

		if (entry != NULL) {
			undo_add(&client->undo, piece, undo_data(entry));
		} else if (client->not_fetched == piece + 1) {
			client->not_fetched = 0;
			*status = BLOCK_ERROR;
			return CLIENT_DONE;
		} else if (undo_read(client, piece, 1)) {
			return CLIENT_WAITS;
		}
	}
	return CLIENT_TOOK;
}

void view_fetched(struct client *client, u64 piece, u8 *data, enum block_status status)
{
	if (status != BLOCK_OK || !view_is_whole(client)) {
		client->not_fetched = piece + 1;
		return;
	}
	/* another monitor may have written the piece meanwhile */
	if (undo_find(&client->undo, piece) != NULL || undo_is_full(&client->undo))
		return;
	undo_lay_over(&view_source_of(client)->undo, piece * UNDO_PIECE_SECTORS, UNDO_PIECE_SECTORS,
		      data);
	undo_add(&client->undo, piece, data);
}

/* Stores a write. A new piece counts once it is complete; a known piece changes part by part. */
static void view_store(struct client *client, const struct block_request *request,
		       const struct part *part)
{
	bool zeroes = request->operation == BLOCK_WRITE_ZEROES;
	const u8 *data = zeroes ? NULL : client_pool(client, request->offset) + part->at;
	struct undo_entry *entry = undo_find(&client->undo, part->piece);
	u64 bytes = (u64)(part->end - part->from) * BLOCK_SECTOR_BYTES;
	u8 *to;

	if (entry == NULL) {
		undo_add(&client->undo, part->piece, data);
		return;
	}
	to = undo_data(entry) + (u64)part->from * BLOCK_SECTOR_BYTES;
	if (zeroes)
		memset(to, 0, bytes);
	else
		memcpy(to, data, bytes);
}

static enum client_taken view_write(struct client *client, const struct block_request *request,
				    enum block_status *status)
{
	struct undo *overlay = &client->undo;
	struct part part = {0};

	if (view_missing_of(overlay, request) > overlay->room - overlay->count) {
		undo_tell(client, true);
		*status = BLOCK_ERROR;
		return CLIENT_DONE;
	}
	while (view_next_part(request, &part)) {
		enum client_taken taken =
			view_is_all(&part) ? CLIENT_TOOK : view_fetch(client, part.piece, status);

		if (taken != CLIENT_TOOK)
			return taken;
	}
	part = (struct part){0};
	while (view_next_part(request, &part))
		view_store(client, request, &part);
	undo_tell_kept(client);
	return CLIENT_DONE;
}

/* Returns whether the request needs no read from the device. */
static bool view_is_here(const struct client *client, const struct block_request *request)
{
	struct part part = {0};

	while (view_next_part(request, &part)) {
		if (undo_find(&view_source_of(client)->undo, part.piece) == NULL &&
		    (!view_has_overlay(client) || undo_find(&client->undo, part.piece) == NULL))
			return false;
	}
	return true;
}

enum client_taken view_take(struct client *client, const struct block_request *request,
			    enum block_status *status)
{
	*status = view_is_whole(client) ? BLOCK_OK : BLOCK_ERROR;
	if (*status != BLOCK_OK)
		return CLIENT_DONE;
	if (request->operation == BLOCK_WRITE || request->operation == BLOCK_WRITE_ZEROES)
		return view_write(client, request, status);
	/* a flush needs no wait, and discarded data may stay */
	if (request->operation != BLOCK_READ)
		return CLIENT_DONE;
	if (!view_is_here(client, request))
		return view_is_bounced(client, request->offset, view_bytes_of(request->sectors))
			       ? CLIENT_WAITS
			       : CLIENT_TOOK;
	view_lay_over(client, request->sector, request->sectors,
		      client_pool(client, request->offset));
	return CLIENT_DONE;
}
