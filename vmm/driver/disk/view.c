/* SPDX-License-Identifier: MIT */
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

/* What it sees is there; false: it is kept no more, or not all of it could be. */
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

enum block_status view_finish(const struct client *client, const struct driver_request *request,
			      enum block_status status)
{
	if (request->operation != BLOCK_READ || status != BLOCK_OK)
		return status;
	if (request->direct || !view_is_whole(client))
		return BLOCK_ERROR;
	view_lay_over(client, request->sector - client->given.disk.first_sector, request->sectors,
		      request->data);
	return BLOCK_OK;
}

/* --- what it writes --- */

/* A piece, and what a request has of it, in sectors from its beginning. */
struct part {
	u64 piece;
	u32 from;
	u32 end;
	u64 at; /* of its data in the request's, in bytes */
};

/* The request's next one, after that; false: it was the last. */
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

/* What a piece held goes into the overlay before a part of it is written. */
static enum client_taken view_fetch(struct client *client, u64 piece, enum block_status *status)
{
	const struct undo *old = &view_source_of(client)->undo;

	while (undo_find(&client->undo, piece) == NULL) {
		const struct undo_entry *entry = undo_find(old, piece);

		if (entry != NULL) {
			undo_add(&client->undo, piece, undo_data(old, entry));
		} else if (client->not_fetched == piece + 1) {
			client->not_fetched = 0;
			*status = BLOCK_ERROR;
			return CLIENT_DONE;
		} else if (undo_is_moving()) {
			return CLIENT_WAITS;
		} else if (!undo_fetch(client, piece)) {
			return CLIENT_FULL;
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
	/* another monitor may have come meanwhile, and have written it */
	if (undo_find(&client->undo, piece) != NULL || undo_is_full(&client->undo))
		return;
	undo_lay_over(&view_source_of(client)->undo, piece * UNDO_PIECE_SECTORS, UNDO_PIECE_SECTORS,
		      data);
	undo_add(&client->undo, piece, data);
}

static const u8 *view_data_of(const struct client *client, const struct block_request *request)
{
	return (const u8 *)client->end.memory + SLOT_POOL_OFFSET + request->offset;
}

/* A piece that is new counts once all of it is there; of another a part is old until it is new. */
static void view_store(struct client *client, const struct block_request *request,
		       const struct part *part)
{
	bool zeroes = request->operation == BLOCK_WRITE_ZEROES;
	const u8 *data = zeroes ? NULL : view_data_of(client, request) + part->at;
	struct undo_entry *entry = undo_find(&client->undo, part->piece);
	u64 bytes = (u64)(part->end - part->from) * BLOCK_SECTOR_BYTES;
	u8 *to;

	if (entry == NULL) {
		undo_add(&client->undo, part->piece, data);
		return;
	}
	to = undo_data(&client->undo, entry) + (u64)part->from * BLOCK_SECTOR_BYTES;
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
	undo_tell(client, false);
	return CLIENT_DONE;
}

/* Whether nothing of it has to be read from the device. */
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
	/* a flush has nothing to wait for, and what is discarded may stay as it is */
	if (request->operation != BLOCK_READ)
		return CLIENT_DONE;
	if (!view_is_here(client, request))
		return CLIENT_TOOK;
	view_lay_over(client, request->sector, request->sectors,
		      (u8 *)(uintptr_t)view_data_of(client, request));
	return CLIENT_DONE;
}
