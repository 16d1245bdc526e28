/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"

/* Once, before all others. The signals of client n arrive in the queue with key first_key + n. */
void client_init(struct driver_channel *channel, handle_t queue, u64 first_key);
/* Obeys the manager: clients come and go. */
void client_take_commands(void);
/*
 * Clients of that disk are served from now on. It has so many requests at once, DRIVER_DEPTH at
 * most; 0: as many.
 */
void client_open(u32 unit, u32 depth);
/*
 * One round: takes requests from all clients in turn, by weight and within their limits, and hands
 * them to the device. True: it took some.
 */
bool client_serve(void);
/* Shows every client its answers. */
void client_publish(void);
/* Whether no client has anything that could be done now; each signals from now on. */
bool client_may_wait(void);
/* Until then: a client that is over its limit goes on; ~0: none is. In ticks of the TSC. */
u64 client_deadline(void);
/* How many requests the device has, of all disks and of one. */
u32 client_waiting(void);
u32 client_waiting_for(u32 unit);
/* A request of the driver's own; NULL: none is free. */
struct driver_request *client_request(u32 unit);
/* Has the manager look at the channel. */
void client_tell_manager(void);
