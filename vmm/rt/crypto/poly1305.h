/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define POLY1305_KEY_BYTES   32u
#define POLY1305_TAG_BYTES   16u
#define POLY1305_BLOCK_BYTES 16u

/*
 * Poly1305 (RFC 8439, 2.5), in time that depends on nothing but the length. A key is used for one
 * text.
 */
struct poly1305 {
	u64 r[2];   /* the clamped half of the key */
	u64 sum[3]; /* the sum so far, below 2^131 */
	u64 s[2];   /* the part of the key that is added in the end */
};

void poly1305_open(struct poly1305 *poly, const u8 key[POLY1305_KEY_BYTES]);
/*
 * Takes text in. But for the last time `count` is a multiple of the block's size, and a `padded`
 * one counts as if zeros followed up to the next multiple.
 */
void poly1305_add(struct poly1305 *poly, const void *bytes, size_t count, bool padded);
/* Writes the tag and forgets the key. */
void poly1305_finish(struct poly1305 *poly, u8 tag[POLY1305_TAG_BYTES]);
