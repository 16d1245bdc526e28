/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/*
 * Whose turn it is: all ports that have frames, one after another. In each round a port may send so
 * many bytes, by its weight among those that compete; what it sends beyond it owes.
 */
#define TURN_FRAMES 64u
/* Of the port with the largest weight; FORWARD_OVERHEAD counts. */
#define TURN_BYTES (64ull * 1024)

/* One round; then port_publish has been called. Returns how many frames it took. */
u32 turn_round(u64 now);
/* Ports that are over their limit until then have their turns again. */
void turn_wake(u64 now);
/* When turn_wake has something to do; ~0: never. */
u64 turn_deadline(void);
