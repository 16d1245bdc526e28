/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Begins to serve the clients of disk `unit`, with at most `depth` requests at the device at once;
 * 0: DRIVER_DEPTH.
 */
void scheduler_open(u32 unit, u32 depth);
/*
 * Does one round: takes requests of all clients in turn, by weight and within their limits, and
 * hands them to the device. Returns true if it took any.
 */
bool scheduler_serve(void);
/*
 * Tells the scheduler that the client at that index has signalled. A client that had no request
 * before the last wait is not looked at until then, except in some of the rounds of a driver that
 * never waits.
 */
void scheduler_hear(u64 index);
/* Asks all clients to signal new requests. Returns true if no request can be taken now. */
bool scheduler_may_wait(void);
/*
 * Returns the TSC at which the next client over its rate limit may continue; ~0: no client is over
 * it.
 */
u64 scheduler_deadline(void);
