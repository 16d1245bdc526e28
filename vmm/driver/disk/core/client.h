/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"
#include "vmm/driver/disk/core/window.h"
#include "vmm/io/share.h"
#include "vmm/rt/start.h"

/* A client: one user of one disk, which asks through a link. */
struct client {
	struct driver_client given;	   /* a copy; number 0: nobody is there */
	const struct layer *const *layers; /* its disk's, for as long as somebody is there */
	bool copies;			   /* its data cannot lie in its RAM */
	struct link_end end;
	struct share share;
	struct window window;
	u32 window_told; /* the manager: which one the device may be using */
	u32 waiting;	 /* requests with the device, those that its layers make among them */
	bool leaving;	 /* takes no more; gone once nothing waits */
	bool changed;	 /* has answers that it was not shown */
	bool limited;	 /* is over its limit: not read before share.ready_at */
	u64 limited_tsc; /* since then */
	struct block_request held; /* taken last; where has_held, the device had no room for it */
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
 * queue under the key first_key + n. `layers_of` returns the layers for a client that the manager
 * gives this part of a disk.
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
/* Ends the time in which the client is over its limit. */
void client_wake(struct client *client, u64 now_tsc);

/* Returns what the manager says now of the client's part of the disk. */
const struct disk_client_part *client_part(const struct client *client);
/* Returns what the manager is told of all clients, by their index. */
struct disk_part *client_told(void);
