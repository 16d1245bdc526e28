/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"
#include "vmm/driver/disk/core/window.h"
#include "vmm/io/share.h"
#include "vmm/rt/start.h"

/*
 * A client: one user of one disk, which puts its requests into a link, memory that it shares with
 * the driver.
 */
struct client {
	/* the manager's entry for the client, copied; its number is 0 if there is no client here */
	struct driver_client given;
	/* the layers of the client's disk, valid while this entry has a client */
	const struct layer *const *layers;
	/* the client's data must be copied to and from its pool: a layer looks at them */
	bool copies;
	/* one of the layers decides on reads; one of them sees the ends of requests */
	bool looks_at_reads, looks_at_ends;
	struct link_end end;
	struct share share;
	struct window window;
	/*
	 * the number of the window of the client's RAM that the manager was last told to be in use
	 */
	u32 window_told;
	/*
	 * the number of the client's requests at the device, including those that its layers make
	 */
	u32 waiting;
	/*
	 * the client is leaving: the driver takes no more of its requests, and removes it once
	 * `waiting` is 0
	 */
	bool leaving;
	/* the client is over its rate limit: no request is taken before share.ready_at */
	bool limited;
	u64 limited_tsc; /* the TSC since when the client has been over its rate limit */
	/* if has_held: the request taken last, for which the device had no room */
	struct block_request held;
	bool has_held;
};
extern struct client clients[DISK_CLIENT_MAX];
extern u64 client_sets[DISK_UNIT_MAX]; /* the clients of each disk: a bit for each, by its index */
/*
 * The clients that have no request and were asked to signal the next one, a bit for each: nobody
 * has to look at them before. A command of the manager empties the set, and a client whose old
 * blocks are to be put back leaves it.
 */
extern u64 client_quiet_set;

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
	CLIENT_TOOK,	/* a request was handed to the device, or answered */
	CLIENT_FULL,	/* the device has no room; the request stays in client->held */
	CLIENT_WAITS,	/* a layer lets client->held wait for an event that wakes the driver */
};

/*
 * Sets up the table of clients; call it once, before all others. Signals of client n arrive in the
 * queue under the key first_key + n. `layers_of` returns the layers for a client by the part of a
 * disk that it is given.
 */
void client_init(struct driver_channel *channel, handle_t queue, u64 first_key,
		 const struct layer *const *(*layers_of)(const struct disk_client_part *part));
/* Carries out the manager's commands: adds, changes and removes clients. */
void client_take_commands(void);
/* Takes the client's next request, and hands it to the device if its layers let it pass. */
enum client_taken client_take(struct client *client);
/* Removes the client if it is leaving and the device has none of its requests. */
void client_leave_if_done(struct client *client);
/* Makes the new answers visible in the clients' links, and signals the clients. */
void client_publish(void);
/* Lets a client that was over its rate limit be served again; `now_tsc` is the present TSC. */
void client_wake(struct client *client, u64 now_tsc);

/* Returns the manager's present entry for the client's part of the disk, in shared memory. */
const struct disk_client_part *client_part(const struct client *client);
/*
 * Returns the page in which the driver tells the manager about its clients, in arrays by the
 * clients' index.
 */
struct disk_part *client_told(void);
