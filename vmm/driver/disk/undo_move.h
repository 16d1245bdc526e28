/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Pieces on their way between a disk and what is kept of it: read before a client writes to them
 * for the first time, written when its snapshot is gone back to. One request at a time, a move,
 * through memory of the driver's own. Clients that wait for one have them in turn, of all disks of
 * the driver, however much another one asks for.
 */

/*
 * Before that request of the client's is handed to the device, all that it changes is kept.
 * CLIENT_TOOK: it is, or nothing has to be; CLIENT_WAITS: it is read in the client's turn.
 */
enum client_taken undo_keep(struct client *client, const struct block_request *request);
/*
 * Has pieces of the disk read in the client's turn, for undo_keep, or view_fetched with a view.
 * False: that has been done meanwhile.
 */
bool undo_read(struct client *client, u64 piece, u32 pieces);
/* Whether it waits for a move, its own or another's: the end of a request wakes it. */
bool undo_waits(const struct client *client);
/* The manager learns how much is kept of the client, and that there is no room for more. */
void undo_tell(const struct client *client, bool full);
/* Likewise, after it was added to; and once when it should be made larger. */
void undo_tell_kept(struct client *client);
/* A request of the driver's own has ended. Whose it was; NULL: nobody's. */
struct client *undo_finished(const struct driver_request *request, enum block_status status);
/* Obeys the manager. */
void undo_take_command(struct client *client);
/* The next move, of whoever has not had one for the longest. True: it did something. */
bool undo_serve(void);

/* Its requests are not looked at before all has gone back. */
static inline bool undo_holds(const struct client *client)
{
	return client->undo_put_back != 0;
}
