/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Adds to an Internet checksum (RFC 1071): the sum of 16-bit words as they lie in memory, with
 * end-around carry, which makes the byte order irrelevant. The sum may continue in another piece of
 * data if the previous pieces have even lengths.
 */
u64 checksum_add(u64 sum, const u8 *data, u32 bytes);
/*
 * Returns the sum in 16 bits, in the data's own byte order: CHECKSUM_RIGHT over data that contain
 * their right checksum.
 */
#define CHECKSUM_RIGHT 0xffffu
u16 checksum_fold(u64 sum);
/*
 * Stores the complement of the sum as a checksum; writes ~0 for 0, which in UDP would mean "no
 * checksum" and in TCP is equal.
 */
void checksum_put(u8 *at, u64 sum);
