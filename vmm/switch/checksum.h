/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The Internet checksum (RFC 1071): the sum of 16-bit words, as they lie in memory, with end-around
 * carry; so the order of bytes does not matter. A sum goes on in another piece if the one before
 * had an even length.
 */
u64 checksum_add(u64 sum, const u8 *data, u32 bytes);
/* What is to be stored, never 0: for UDP that means "none", and for TCP it is the same as ~0. */
void checksum_put(u8 *at, u64 sum);
