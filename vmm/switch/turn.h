/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/*
 * The most frames in one turn of a port. In each round of turns a port may send a number of bytes
 * that depends on its weight among the competing ports; what it sends beyond that is taken off its
 * later rounds.
 */
#define TURN_FRAMES 64u
/*
 * The bytes in each round for the port with the largest weight; each frame counts FORWARD_OVERHEAD
 * bytes more than it has.
 */
#define TURN_BYTES (64ull * 1024)

/*
 * Does one round of turns and calls port_publish. Returns the number of frames taken from the
 * ports.
 */
u32 turn_round(u64 now);
/* Gives turns again to the ports over their limit that may go on by now. */
void turn_wake(u64 now);
/* Returns the time at which turn_wake has work next, in ticks of the TSC; ~0: never. */
u64 turn_deadline(void);
