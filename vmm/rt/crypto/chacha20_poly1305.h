/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/chacha20.h"
#include "vmm/rt/crypto/poly1305.h"

/*
 * Encrypts a text in place and authenticates it (AEAD_CHACHA20_POLY1305 of RFC 8439, 2.8). A pair
 * of key and nonce must be used for one text only. `about` is authenticated and not encrypted.
 * count <= 2^32 blocks of 64 bytes less one. The time depends on nothing but the lengths.
 */
void chacha20_poly1305_seal(const u8 key[CHACHA20_KEY_BYTES], const u8 nonce[CHACHA20_NONCE_BYTES],
			    const void *about, size_t about_count, u8 *text, size_t count,
			    u8 tag[POLY1305_TAG_BYTES]);
/*
 * Checks a sealed text and decrypts it in place. Returns false, with nothing decrypted, if key,
 * nonce, text or `about` differ from those that were sealed.
 */
bool chacha20_poly1305_open(const u8 key[CHACHA20_KEY_BYTES], const u8 nonce[CHACHA20_NONCE_BYTES],
			    const void *about, size_t about_count, u8 *text, size_t count,
			    const u8 tag[POLY1305_TAG_BYTES]) MUST_CHECK;
