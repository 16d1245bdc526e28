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

/* Adds one block of the text to the hash. */
void sha256_block(struct sha256_state *state, const u8 block[SHA256_BLOCK_BYTES]);

/*
 * Adds the last `count` bytes of a text of `before + count` bytes, and writes the digest. `before`
 * bytes, whole blocks, were added by sha256_block.
 */
void sha256_finish(struct sha256_state state, u64 before, const void *bytes, size_t count,
		   u8 digest[SHA256_BYTES]);
