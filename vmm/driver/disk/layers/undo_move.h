/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"
#include "vmm/driver/disk/layers/undo_store.h"

/*
 * Moves of pieces between a disk and its clients' stores: a piece is read for the layer that needs
 * it, and written back when the client returns to its snapshot. There is one move at a time,
 * through the driver's own memory. Clients of all disks get their moves in turn, so that one
 * client's many moves do not hold up the others.
 */
#define UNDO_MOVE_PIECES ((u32)(BLOCK_REQUEST_BYTES / UNDO_PIECE_BYTES))

/* Pieces that were read, one behind the other on the disk, and their data. */
struct undo_read {
	u64 piece; /* the number of the first piece */
	u32 pieces;
	u8 *data;
};

/*
 * Sets up moves of pieces for a new client through `below`, the layers below the caller's, and
 * opens its store as the manager has given it. If `puts_back`, the manager may order all kept
 * pieces to be written back. `took` is called with the pieces that undo_read has requested.
 */
void undo_move_open(struct client *client, const struct layer *const *below, bool puts_back,
		    void (*took)(struct client *client, const struct undo_read *read,
				 enum block_status status));
/* Forgets a client's store; the device has no request of the client any more. */
void undo_move_close(struct client *client);
/* Returns the store of a client, whose number is 0 if the client has none. */
struct undo *undo_of(const struct client *client);
/*
 * Has `pieces` pieces from `piece` on read when it is the client's turn. Returns false if they have
 * been read meanwhile.
 */
bool undo_read(struct client *client, u64 piece, u32 pieces);
/*
 * Returns whether the client waits for the end of a move or of a request, its own or another
 * client's, which wakes the driver.
 */
bool undo_waits(const struct client *client);
/* Returns whether the client's requests are held until its rollback has finished. */
bool undo_holds(const struct client *client);
/*
 * Tells the manager how much the client's store holds; `full` says that the store has no more room.
 */
void undo_tell(const struct client *client, bool full);
/*
 * Tells the manager how much the client's store holds after an addition, and once that it should be
 * enlarged.
 */
void undo_tell_kept(const struct client *client);
/* Marks the client's store as permanently incomplete, and tells the manager. */
void undo_move_give_up(struct client *client, enum disk_undo_problem problem);
/* Carries out the manager's latest command about the client's store. */
void undo_take_command(struct client *client);
/*
 * Starts the next move of pieces, for the client whose turn it is. Returns true if it did anything.
 */
bool undo_serve(void);
