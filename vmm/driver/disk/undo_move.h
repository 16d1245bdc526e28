/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Pieces on their way between a disk and what is kept of it: read before a client writes to them
 * for the first time, written when its snapshot is gone back to. One request at a time, through
 * memory of the driver's own.
 */

/*
 * Before that request of the client's is handed to the device, all that it changes is kept.
 * CLIENT_TOOK: it is, or nothing has to be; CLIENT_WAITS: it is being read, and undo_is_moving.
 */
enum client_taken undo_keep(struct client *client, const struct block_request *request);
bool undo_is_moving(void);
/*
 * Begins to read a piece of the disk for a view, while nothing is moving: view_fetched. False: the
 * device has no room. It may have ended when this returns.
 */
bool undo_fetch(struct client *client, u64 piece);
/* The manager learns how much is kept of the client, and that there is no room for more. */
void undo_tell(const struct client *client, bool full);
/* A request of the driver's own has ended. Whose it was; NULL: nobody's. */
struct client *undo_finished(const struct driver_request *request, enum block_status status);
/* Obeys the manager. */
void undo_take_command(struct client *client);
/* The next step of what goes back to disks. True: it did something. */
bool undo_serve(void);

/* Its requests are not looked at before all has gone back. */
static inline bool undo_holds(const struct client *client)
{
	return client->undo_put_back != 0;
}
