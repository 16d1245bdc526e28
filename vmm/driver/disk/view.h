/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Clients that see what another one's part of the disk held at its snapshot. What is kept of that
 * part is added before a write is handed to the device: so what a read brings is as it was, or is
 * kept by the time that the read has ended, and is laid over then. A view never writes to the
 * device. If it may write, its own `undo` is an overlay of the pieces that it has written to.
 *
 * What the device brings may be newer than the snapshot, and a client may look at its pool at any
 * time. So it comes to pages that the client does not have, is laid over there, and only then
 * copied into the pool.
 */
static inline bool view_is(const struct client *client)
{
	return client->given.disk.view.number != 0;
}

/* False: whose disk it sees has not come yet, in this process, or its overlay; it waits. */
bool view_may_ask(const struct client *client);
/*
 * A request of a view, which has been checked. CLIENT_TOOK: the device shall read it; CLIENT_DONE:
 * *status is the answer.
 */
enum client_taken view_take(struct client *client, const struct block_request *request,
			    enum block_status *status);
/* It has come: nothing of what the device brought for it to an earlier process is left. */
void view_come(const struct client *client);
/* Where the device's data comes to that is for that place in the pool. */
u8 *view_bounce(const struct client *client, u64 offset);
/* Between these the device has a read of the view's, and no other one bounces there. */
void view_begin(struct client *client, const struct driver_request *request);
void view_end(struct client *client, const struct driver_request *request);
/* Whether what it holds cannot go on before one of its own reads has ended, which wakes it. */
bool view_waits(const struct client *client);
/* The device has read for it, or not: what there is to be answered. */
enum block_status view_finish(struct client *client, const struct driver_request *request,
			      enum block_status status);
/* What undo_read was to read has come, or not. */
void view_fetched(struct client *client, u64 piece, u8 *data, enum block_status status);
