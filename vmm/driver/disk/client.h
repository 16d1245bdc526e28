/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"

/*
 * Sets up the table of clients; call it once, before all others. Signals of client n arrive in the
 * queue under the key first_key + n.
 */
void client_init(struct driver_channel *channel, handle_t queue, u64 first_key);
/* Carries out the manager's commands: adds, changes and removes clients. */
void client_take_commands(void);
/* Begins to serve the clients of a disk with at most `depth` requests at once; 0: DRIVER_DEPTH. */
void client_open(u32 unit, u32 depth);
/*
 * Does one round: takes requests of all clients in turn, by weight and within their limits, and
 * hands them to the device. Returns true if it took any.
 */
bool client_serve(void);
/* Publishes the answers to all clients. */
void client_publish(void);
/* Asks all clients to signal new requests. Returns true if no client has any work now. */
bool client_may_wait(void);
/* Returns when the next client over its limit may continue, in ticks of the TSC; ~0: none waits. */
u64 client_deadline(void);
/* Return the number of requests at the device: of all disks, and of one disk. */
u32 client_waiting(void);
u32 client_waiting_for(u32 unit);
/* Returns a free request for the driver's own use, or NULL. */
struct driver_request *client_request(u32 unit);
/* Makes the manager look at the channel. */
void client_tell_manager(void);
