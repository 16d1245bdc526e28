/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client_turn.h"

/*
 * Views: clients that see what another client's part of the disk (the source) held at a snapshot.
 * The source's old piece is kept before a write is handed to the device: so what a view reads from
 * the device is either unchanged, or kept by the time the read has ended, and then laid over. A
 * view never writes to the device. If a view may write, its own `undo` is an overlay of the pieces
 * it has written. The device may return data newer than the snapshot, and a client may look at its
 * pool at any time. So data is read into bounce pages outside the client's reach, overlaid there,
 * and only then copied into the pool.
 */
static inline bool view_is(const struct client *client)
{
	return client->given.disk.view.number != 0;
}

/* Returns false until the source client and this view's overlay are attached. */
bool view_may_ask(const struct client *client);
/*
 * Takes a checked request of a view. Returns CLIENT_TOOK if the device shall read it; CLIENT_DONE
 * if *status is the answer.
 */
enum client_taken view_take(struct client *client, const struct block_request *request,
			    enum block_status *status);
/* Initializes a new view: clears what the device read for an earlier process. */
void view_come(const struct client *client);
/* Returns the bounce page's address that corresponds to this offset in the pool. */
u8 *view_bounce(const struct client *client, u64 offset);
/* Mark the begin and end of a view's read at the device; its bounce pages are reserved between. */
void view_begin(struct client *client, const struct driver_request *request);
void view_end(struct client *client, const struct driver_request *request);
/*
 * Returns whether the held request waits for the end of another read of the view, which wakes it.
 */
bool view_waits(const struct client *client);
/* Completes a read at the device, successful or not. Returns the status to answer with. */
enum block_status view_finish(struct client *client, const struct driver_request *request,
			      enum block_status status);
/* Completes a read that undo_read has requested, successful or not. */
void view_fetched(struct client *client, u64 piece, u8 *data, enum block_status status);
