/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Clients that see what another one's part of the disk held at its snapshot. What is kept of that
 * part is added before a write is handed to the device: so what a read brings is as it was, or is
 * kept by the time that the read has ended, and is laid over then. A view never writes to the
 * device, and its data goes through the pool. If it may write, its own `undo` is an overlay of the
 * pieces that it has written to.
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
/* The device has read for it, or not: what there is to be answered. */
enum block_status view_finish(const struct client *client, const struct driver_request *request,
			      enum block_status status);
/* undo_fetch has ended. */
void view_fetched(struct client *client, u64 piece, u8 *data, enum block_status status);
