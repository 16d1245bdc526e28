/* SPDX-License-Identifier: MIT */
/*
 * Keeps the old content of pieces that a client overwrites after its snapshot. A layer of a
 * client's disk (undo.h): lets a write wait until undo_move.c has read the pieces that it
 * overwrites. Adds to the client's store; never looks at the client's new data.
 */
#include "vmm/driver/disk/layers/undo.h"

#include "lib/bits.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/disk/layers/undo_move.h"

/*
 * Returns how many consecutive pieces, from `piece` on, the store does not have yet: at most up to
 * `end`, and at most the number that one read takes and the store has room for.
 */
static u32 undo_missing(const struct undo *undo, u64 piece, u64 end)
{
	u64 most = MIN(MIN(end - piece, (u64)UNDO_MOVE_PIECES), undo->room - undo->count);
	u32 count = 0;

	while (count < most && undo_find(undo, piece + count) == NULL)
		count++;
	return count;
}

static void undo_mark(const struct undo *undo, u64 piece, u64 end)
{
	for (; piece < end; piece++)
		undo_find(undo, piece)->changed = 1;
}

/*
 * Makes sure that all pieces which the request overwrites are in the store. Lets the request wait
 * while missing pieces are read; lets it pass once all are there, or if the store keeps no more:
 * there is no snapshot, or the store is incomplete.
 */
static enum layer_answer undo_keep(struct client *client, const struct block_request *request,
				   enum block_status *status)
{
	struct undo *undo = undo_of(client);
	u64 first = request->sector / UNDO_PIECE_SECTORS;
	u64 end = (request->sector + request->sectors - 1) / UNDO_PIECE_SECTORS + 1;
	u64 piece = first;

	(void)status;
	while (unlikely(undo_keeps(undo))) {
		while (piece < end && undo_find(undo, piece) != NULL)
			piece++;
		if (piece == end) {
			undo_mark(undo, first, end);
			return LAYER_PASSES;
		}
		if (undo_is_full(undo))
			undo_move_give_up(client, DISK_UNDO_FULL);
		else if (undo_read(client, piece, undo_missing(undo, piece, end)))
			return LAYER_WAITS;
	}
	return LAYER_PASSES;
}

static void undo_keep_read(struct client *client, const struct undo_read *read,
			   enum block_status status)
{
	if (status != BLOCK_OK) {
		undo_move_give_up(client, DISK_UNDO_UNREADABLE);
		return;
	}
	for (u32 i = 0; i < read->pieces; i++)
		undo_add(undo_of(client), read->piece + i, read->data + i * UNDO_PIECE_BYTES);
	undo_tell_kept(client);
}

static void undo_begin_keeping(struct client *client, const struct layer *const *below)
{
	undo_move_open(client, below, true, undo_keep_read);
}

static bool undo_may_ask(const struct client *client)
{
	return !undo_holds(client);
}

const struct layer undo_layer = {
	.open = undo_begin_keeping,
	.close = undo_move_close,
	.command = undo_take_command,
	.may_ask = undo_may_ask,
	.waits = undo_waits,
	.write = undo_keep,
};
