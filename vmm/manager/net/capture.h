/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/net/net.h"
#include "vmm/manager/net/pcapng.h"

/*
 * A capture: a port of a network's switch that gets a copy of each frame, with the manager at its
 * other end. There is one at a time.
 */

/*
 * Starts a capture, which lasts while somebody reads it. Returns false, with the reason in
 * `problem`, if it cannot.
 */
bool capture_begin(u32 net, char *problem, size_t size);
/*
 * Notes that the reader is still there; to be called each turn of the event loop. Otherwise the
 * capture ends.
 */
void capture_keep(void);
/*
 * Copies the first bytes of the next frame, *kept of its *length bytes, at most PCAPNG_SNAP_BYTES.
 * Returns false if there is no frame now.
 */
bool capture_take(u8 bytes[PCAPNG_SNAP_BYTES], u32 *kept, u32 *length);
void capture_end(void);
/* Does one step of ending the capture; returns whether another step is due at once. */
bool capture_step(void);
u64 capture_deadline(void);
