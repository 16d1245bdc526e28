/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Clients that see what another one's part of the disk held at its snapshot. What is kept of that
 * part is added before a write is handed to the device: so what a read brings is as it was, or is
 * kept by the time that the read has ended, and is laid over then. A view never writes to the
 * device, and its data goes through the pool.
 */
static inline bool view_is(const struct client *client)
{
	return client->given.disk.view.number != 0;
}

/* False: the client whose disk it sees has not come yet, in this process; its requests wait. */
bool view_may_ask(const struct client *client);
/* A request of a view has ended: what there is to be answered. */
enum block_status view_finish(const struct client *client, const struct driver_request *request,
			      enum block_status status);
