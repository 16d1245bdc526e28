/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define POLY1305_KEY_BYTES   32u
#define POLY1305_TAG_BYTES   16u
#define POLY1305_BLOCK_BYTES 16u

/*
 * The state of Poly1305 (RFC 8439, 2.5), which takes time that depends on the length alone. A key
 * must be used for one text only.
 */
struct poly1305 {
	u64 r[2];   /* the half of the key that is the multiplier, clamped */
	u64 sum[3]; /* the accumulator of the text so far, below 2^131 */
	u64 s[2];   /* the half of the key that is added to the sum in the end */
};

void poly1305_open(struct poly1305 *poly, const u8 key[POLY1305_KEY_BYTES]);
/*
 * Adds bytes to the text that is authenticated. `count` must be a multiple of the block's size,
 * except in the last call. If `padded`, zeros fill up the last block.
 */
void poly1305_add(struct poly1305 *poly, const void *bytes, size_t count, bool padded);
/* Writes the text's tag and overwrites the key. */
void poly1305_finish(struct poly1305 *poly, u8 tag[POLY1305_TAG_BYTES]);
