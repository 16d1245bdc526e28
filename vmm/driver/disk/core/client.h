/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"
#include "vmm/driver/disk/core/window.h"
#include "vmm/io/share.h"
#include "vmm/rt/start.h"

/* A client: one user of one disk, which asks through a link. */
struct client {
	/* the manager's entry for the client, copied; its number is 0 if there is no client here */
	struct driver_client given;
	/* the layers of the client's disk, valid while there is a client */
	const struct layer *const *layers;
	/* the data are copied, since they cannot lie in the client's RAM */
	bool copies;
	struct link_end end;
	struct share share;
	struct window window;
	/* the number of the window in use, of which the manager was told last */
	u32 window_told;
	/* requests with the device, including those that the client's layers make */
	u32 waiting;
	/*
	 * the client is leaving: the driver takes no more of its requests, and removes it once
	 * `waiting` is 0
	 */
	bool leaving;
	bool changed;	 /* there are answers of which the client was not signalled yet */
	bool limited;	 /* the client is over its limit and is not read before share.ready_at */
	u64 limited_tsc; /* the TSC since when the client has been over its limit */
	/* if has_held: the request taken last, for which the device had no room */
	struct block_request held;
	bool has_held;
};
extern struct client clients[DISK_CLIENT_MAX];
extern u64 client_sets[DISK_UNIT_MAX]; /* the clients of each disk, a bit for each */

static inline u32 client_index(const struct client *client)
{
	return (u32)(client - clients);
}

static inline u8 *client_pool(const struct client *client, u64 offset)
{
	return (u8 *)client->end.memory + SLOT_POOL_OFFSET + offset;
}

enum client_taken {
	CLIENT_NOTHING, /* the client has no request */
	CLIENT_TOOK,	/* `held` was handed to the device, or answered */
	CLIENT_FULL,	/* the device has no room; `held` is kept */
	CLIENT_WAITS,	/* a layer lets `held` wait for something, whose end wakes the driver */
};

/*
 * Sets up the table of clients; call it once, before all others. Signals of client n arrive in the
 * queue under the key first_key + n. `layers_of` returns the layers for a client that is given a
 * certain part of a disk.
 */
void client_init(struct driver_channel *channel, handle_t queue, u64 first_key,
		 const struct layer *const *(*layers_of)(const struct disk_client_part *part));
/* Carries out the manager's commands: adds, changes and removes clients. */
void client_take_commands(void);
/* Takes the client's next request, and hands it to the device if its layers let it pass. */
enum client_taken client_take(struct client *client);
/* Removes a leaving client once nothing of it is with the device. */
void client_leave_if_done(struct client *client);
/* Publishes the answers to all clients. */
void client_publish(void);
/* Lets a client that was over its limit be served again. */
void client_wake(struct client *client, u64 now_tsc);

/* Returns the manager's present entry for the client's part of the disk. */
const struct disk_client_part *client_part(const struct client *client);
/* Returns the page in which the driver tells the manager about its clients, by their index. */
struct disk_part *client_told(void);
