/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Moves of pieces between a disk and its snapshot stores: a piece is read before a client first
 * overwrites it, and written back when the client returns to the snapshot. There is one move at a
 * time, through the driver's own memory. Clients of all disks get their moves in turn, however many
 * one of them asks for.
 */

/*
 * Makes sure that all pieces which the client's request overwrites are in the store. Returns
 * CLIENT_TOOK if they are, or if nothing has to be kept; CLIENT_WAITS if they will be read in the
 * client's turn.
 */
enum client_taken undo_keep(struct client *client, const struct block_request *request);
/*
 * Requests a read of pieces in the client's turn, for undo_keep, or for view_fetched if the client
 * is a view. Returns false if they have been read meanwhile.
 */
bool undo_read(struct client *client, u64 piece, u32 pieces);
/*
 * Returns whether the client waits for a move, its own or another's; the end of a request wakes it.
 */
bool undo_waits(const struct client *client);
/* Tells the manager how much of the client is kept; `full` says that there is no more room. */
void undo_tell(const struct client *client, bool full);
/* Tells the manager the same after an addition, and once that the store should be enlarged. */
void undo_tell_kept(struct client *client);
/* Handles the end of a request of the driver's own. Returns the client it was for, or NULL. */
struct client *undo_finished(const struct driver_request *request, enum block_status status);
/* Carries out the manager's latest command about the client's store. */
void undo_take_command(struct client *client);
/* Starts the next move, for the client that has waited longest. Returns true if it did anything. */
bool undo_serve(void);

/* Returns whether the client's requests are held until its rollback has finished. */
static inline bool undo_holds(const struct client *client)
{
	return client->undo_put_back != 0;
}
