/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/net/net.h"
#include "vmm/manager/net/pcapng.h"

/*
 * A capture: a port of a network's switch, that gets a copy of each frame, at whose other end is
 * the manager. There is one at a time.
 */

/* Starts one, which lasts while somebody reads it. False: `problem` says why not. */
bool capture_begin(u32 net, char *problem, size_t size);
/* Its reader is still there. To be said each turn: it ends where he went without a word. */
void capture_keep(void);
/*
 * The next frame: its first bytes, PCAPNG_SNAP_BYTES at most, are copied to `bytes`, *kept of them
 * of *length. False: there is none now.
 */
bool capture_take(u8 bytes[PCAPNG_SNAP_BYTES], u32 *kept, u32 *length);
void capture_end(void);
/* One step of what is under way; true when there is more to do at once. */
bool capture_step(void);
u64 capture_deadline(void);
