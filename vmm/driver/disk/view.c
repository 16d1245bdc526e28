/* SPDX-License-Identifier: MIT */
#include "vmm/driver/disk/view.h"

static const struct client *source_of(const struct client *client)
{
	return &clients[client->given.disk.view.of % DISK_CLIENT_MAX];
}

/* What it sees is there; false: it is kept no more, or not all of it could be. */
static bool is_whole(const struct client *client)
{
	const struct undo *undo = &source_of(client)->undo;

	return undo->number == client->given.disk.view.number && undo_keeps(undo);
}

bool view_may_ask(const struct client *client)
{
	return !view_is(client) || source_of(client)->given.number != 0;
}

enum block_status view_finish(const struct client *client, const struct driver_request *request,
			      enum block_status status)
{
	if (request->operation != BLOCK_READ || status != BLOCK_OK)
		return status;
	if (request->direct || !is_whole(client))
		return BLOCK_ERROR;
	undo_lay_over(&source_of(client)->undo, request->sector - client->given.disk.first_sector,
		      request->sectors, request->data);
	return BLOCK_OK;
}
