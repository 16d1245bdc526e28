/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define AES_BLOCK_BYTES	 16u
#define AES256_KEY_BYTES 32u
#define AES256_ROUNDS	 14u
#define AES_PLANES	 8u

/* The bits of a block's 16 bytes: bit i of plane b is bit b of byte i. */
struct aes_planes {
	u16 plane[AES_PLANES];
};

struct aes256 {
	struct aes_planes round_key[AES256_ROUNDS + 1];
};

/* Prepares the round keys from the key. */
void aes_open(struct aes256 *aes, const u8 key[AES256_KEY_BYTES]);
/*
 * Encrypt and decrypt one block in place, in time that depends neither on the key nor on the block.
 */
void aes_encrypt(const struct aes256 *aes, u8 block[AES_BLOCK_BYTES]);
void aes_decrypt(const struct aes256 *aes, u8 block[AES_BLOCK_BYTES]);
