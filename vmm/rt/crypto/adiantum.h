/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/crypto/aes.h"
#include "vmm/rt/crypto/xchacha.h"

#define ADIANTUM_KEY_BYTES   32u
#define ADIANTUM_TWEAK_BYTES 32u
#define ADIANTUM_LEAST_BYTES AES_BLOCK_BYTES

#define NH_PASSES 4u
/*
 * words that NH hashes at a time; each of its passes has the key of the pass before, shifted by
 * this many words
 */
#define NH_UNIT	      4u
#define NH_TEXT_WORDS 256u /* words of a text that NH hashes with one key */
#define NH_KEY_WORDS  (NH_TEXT_WORDS + NH_UNIT * (NH_PASSES - 1))

/* A key of Adiantum with XChaCha12 and AES-256, made ready for use. */
struct adiantum {
	u8 stream_key[XCHACHA_KEY_BYTES];
	struct aes256 aes;
	u8 tweak_key[16]; /* the key of Poly1305 over the left part's length and the tweak */
	u8 text_key[16];  /* the key of Poly1305 over the NH hashes of the left part */
	u32 nh_key[NH_KEY_WORDS];
};

void adiantum_open(struct adiantum *key, const u8 bytes[ADIANTUM_KEY_BYTES]);
/*
 * Encrypt and decrypt a sector of `count` bytes in place, ADIANTUM_LEAST_BYTES at least. Each bit
 * of the result depends on each bit of the sector, the key and the tweak. The time depends on the
 * length alone.
 */
void adiantum_encrypt(const struct adiantum *key, const u8 tweak[ADIANTUM_TWEAK_BYTES], u8 *bytes,
		      size_t count);
void adiantum_decrypt(const struct adiantum *key, const u8 tweak[ADIANTUM_TWEAK_BYTES], u8 *bytes,
		      size_t count);
