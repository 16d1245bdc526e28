/* SPDX-License-Identifier: MIT */
/*
 * Authenticated encryption (RFC 8439). Called by the monitor's save streams and the manager's keys
 * through the header; touches the caller's buffers only, in time independent of their content.
 */
#include "vmm/rt/crypto/chacha20_poly1305.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/crypto/secret.h"

/* Encrypts `text` with ChaCha20's key stream (RFC 8439, 2.4), beginning with block 1. */
static void chacha20_poly1305_apply_stream(const u8 *key, const u8 *nonce, u8 *text, size_t count)
{
	u8 block[CHACHA20_BLOCK_BYTES];
	u32 number = 1;

	for (size_t at = 0; at < count; at += sizeof(block)) {
		size_t here = MIN(count - at, sizeof(block));

		chacha20_block(key, number++, nonce, block);
		for (size_t i = 0; i < here; i++)
			text[at + i] ^= block[i];
	}
	secret_forget(block, sizeof(block));
}

/*
 * Computes the tag (RFC 8439, 2.8) over `about`, the ciphertext and both lengths; Poly1305's key is
 * the first half of the key stream's block 0.
 */
static void chacha20_poly1305_make_tag(const u8 *key, const u8 *nonce, const void *about,
				       size_t about_count, const u8 *text, size_t count,
				       u8 tag[POLY1305_TAG_BYTES])
{
	const u64 lengths[2] = {about_count, count};
	u8 block[CHACHA20_BLOCK_BYTES];
	struct poly1305 poly;

	chacha20_block(key, 0, nonce, block);
	poly1305_open(&poly, block);
	secret_forget(block, sizeof(block));
	poly1305_add(&poly, about, about_count, true);
	poly1305_add(&poly, text, count, true);
	poly1305_add(&poly, lengths, sizeof(lengths), false);
	poly1305_finish(&poly, tag);
}

void chacha20_poly1305_seal(const u8 key[CHACHA20_KEY_BYTES], const u8 nonce[CHACHA20_NONCE_BYTES],
			    const void *about, size_t about_count, u8 *text, size_t count,
			    u8 tag[POLY1305_TAG_BYTES])
{
	chacha20_poly1305_apply_stream(key, nonce, text, count);
	chacha20_poly1305_make_tag(key, nonce, about, about_count, text, count, tag);
}

bool chacha20_poly1305_open(const u8 key[CHACHA20_KEY_BYTES], const u8 nonce[CHACHA20_NONCE_BYTES],
			    const void *about, size_t about_count, u8 *text, size_t count,
			    const u8 tag[POLY1305_TAG_BYTES])
{
	u8 right[POLY1305_TAG_BYTES];

	chacha20_poly1305_make_tag(key, nonce, about, about_count, text, count, right);
	if (!secret_same(right, tag, sizeof(right)))
		return false;
	chacha20_poly1305_apply_stream(key, nonce, text, count);
	return true;
}
