/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Blocks of a capture file (draft-ietf-opsawg-pcapng, 4.1 to 4.3), each of whole 32-bit words. One
 * interface, Ethernet; times in nanoseconds since 1970.
 */
#define PCAPNG_SNAP_BYTES  2048u /* of a frame; the rest is left out */
#define PCAPNG_BLOCK_BYTES (PCAPNG_SNAP_BYTES + 64)

/* What a file begins with: the section, and the interface of that name. Returns its bytes. */
u32 pcapng_begin(u8 block[PCAPNG_BLOCK_BYTES], const char *interface);
/* A frame of which `kept` bytes, PCAPNG_SNAP_BYTES at most, are given. Returns likewise. */
u32 pcapng_frame(u8 block[PCAPNG_BLOCK_BYTES], u64 time_ns, const u8 *frame, u32 kept, u32 bytes);
