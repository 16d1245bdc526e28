/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define SHA256_BYTES	   32u
#define SHA256_BLOCK_BYTES 64u

/* SHA-256 (RFC 6234) over whole blocks: enough for hashing short texts many times. */
struct sha256_state {
	u32 word[8];
};

extern const struct sha256_state sha256_initial;

/* Takes one block into the sum. */
void sha256_block(struct sha256_state *state, const u8 block[SHA256_BLOCK_BYTES]);

/*
 * Takes the last `count` bytes in, of `before + count` in all, and gives the digest. `before` is a
 * multiple of the block's size: what sha256_block has taken in.
 */
void sha256_finish(struct sha256_state state, u64 before, const void *bytes, size_t count,
		   u8 digest[SHA256_BYTES]);
