/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Begins to serve the clients of a disk with at most `depth` requests at once; 0: DRIVER_DEPTH. */
void scheduler_open(u32 unit, u32 depth);
/*
 * Does one round: takes requests of all clients in turn, by weight and within their limits, and
 * hands them to the device. Returns true if it took any.
 */
bool scheduler_serve(void);
/* Asks all clients to signal new requests. Returns true if no client has any work now. */
bool scheduler_may_wait(void);
/* Returns when the next client over its limit may continue, in ticks of the TSC; ~0: none waits. */
u64 scheduler_deadline(void);
