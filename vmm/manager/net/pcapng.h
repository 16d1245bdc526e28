/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Blocks of a capture file (draft-ietf-opsawg-pcapng, 4.1 to 4.3), each of whole 32-bit words.
 * There is one interface, Ethernet; times are in nanoseconds since 1970.
 */
#define PCAPNG_SNAP_BYTES  2048u /* bytes kept of a frame; the rest is left out */
#define PCAPNG_BLOCK_BYTES (PCAPNG_SNAP_BYTES + 64)

/*
 * Writes the beginning of a file: the section and an interface of that name. Returns its length in
 * bytes.
 */
u32 pcapng_begin(u8 block[PCAPNG_BLOCK_BYTES], const char *interface);
/*
 * Writes a frame, of which the first `kept` bytes, at most PCAPNG_SNAP_BYTES, are given. Returns
 * the block's length in bytes.
 */
u32 pcapng_frame(u8 block[PCAPNG_BLOCK_BYTES], u64 time_ns, const u8 *frame, u32 kept, u32 bytes);
