/* SPDX-License-Identifier: MIT */
/*
 * Message authentication codes: HMAC-SHA-256 (RFC 2104). Called by hkdf.c; touches only the
 * caller's buffers.
 */
#include "vmm/rt/crypto/hmac.h"

#include "lib/string.h"
#include "vmm/rt/crypto/secret.h"

/* RFC 2104, 2 */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static struct sha256_state hmac_key_state(const u8 *key, u8 pad)
{
	struct sha256_state state = sha256_initial;
	u8 block[SHA256_BLOCK_BYTES];

	for (u32 i = 0; i < SHA256_BLOCK_BYTES; i++)
		block[i] = key[i] ^ pad;
	sha256_block(&state, block);
	secret_forget(block, sizeof(block));
	return state;
}

void hmac_open(struct hmac_key *key, const void *bytes, size_t count)
{
	u8 block[SHA256_BLOCK_BYTES] = {0};

	if (count > sizeof(block))
		sha256_finish(sha256_initial, 0, bytes, count, block);
	else
		memcpy(block, bytes, count);
	key->inner = hmac_key_state(block, INNER_PAD);
	key->outer = hmac_key_state(block, OUTER_PAD);
	secret_forget(block, sizeof(block));
}

void hmac_digest(const struct hmac_key *key, const void *bytes, size_t count,
		 u8 digest[SHA256_BYTES])
{
	u8 inner[SHA256_BYTES];

	sha256_finish(key->inner, SHA256_BLOCK_BYTES, bytes, count, inner);
	sha256_finish(key->outer, SHA256_BLOCK_BYTES, inner, sizeof(inner), digest);
}
