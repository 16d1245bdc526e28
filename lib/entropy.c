/* SPDX-License-Identifier: MIT */
/*
 * An entropy pool: absorbs input and yields random bytes. The kernel (arch/x86_64/cpu/random.c,
 * boot/) and ring-3 programs call it, each on a pool of its own. It changes the given pool alone
 * and leaves no key material on the stack.
 */
#include "lib/entropy.h"
#include "lib/chacha20.h"
#include "lib/string.h"

_Static_assert(ENTROPY_POOL_BYTES == CHACHA20_KEY_BYTES, "the pool is a key");

enum purpose { PURPOSE_MIX = 1, PURPOSE_DRAW = 2 };

/*
 * Makes a block under the pool's key. The block's first half replaces the key; the other half is
 * the output.
 */
static void entropy_next_block(struct entropy_pool *pool, enum purpose purpose, u32 length,
			       u8 block[CHACHA20_BLOCK_BYTES])
{
	const u8 nonce[CHACHA20_NONCE_BYTES] = {(u8)purpose};

	chacha20_block(pool->key, length, nonce, block);
	memcpy(pool->key, block, sizeof(pool->key));
}

void entropy_mix(struct entropy_pool *pool, const void *bytes, size_t count)
{
	const u8 *from = bytes;
	u8 block[CHACHA20_BLOCK_BYTES];

	while (count > 0) {
		u32 length = (u32)MIN(count, sizeof(pool->key));

		for (u32 i = 0; i < length; i++)
			pool->key[i] ^= from[i];
		entropy_next_block(pool, PURPOSE_MIX, length, block);
		from += length;
		count -= length;
	}
	memset(block, 0, sizeof(block));
}

void entropy_draw(struct entropy_pool *pool, void *bytes, size_t count)
{
	u8 *to = bytes;
	u8 block[CHACHA20_BLOCK_BYTES];

	while (count > 0) {
		u32 length = (u32)MIN(count, sizeof(block) - sizeof(pool->key));

		entropy_next_block(pool, PURPOSE_DRAW, length, block);
		memcpy(to, block + sizeof(pool->key), length);
		to += length;
		count -= length;
	}
	memset(block, 0, sizeof(block));
}

u64 entropy_draw_u64(struct entropy_pool *pool)
{
	u64 value;

	entropy_draw(pool, &value, sizeof(value));
	return value;
}
