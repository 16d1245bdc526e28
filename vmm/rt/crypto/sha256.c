/* SPDX-License-Identifier: MIT */
/*
 * The hash SHA-256 (RFC 6234). Called by hmac.c, the monitor's digests and the manager's log chain;
 * touches only the caller's state and text.
 */
#include "vmm/rt/crypto/sha256.h"
#include "lib/string.h"

/* RFC 6234, 6.1 */
/* clang-format off */
const struct sha256_state sha256_initial = {{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}};
/* clang-format on */

/* RFC 6234, 5.1: fractions of the cube roots of the first 64 primes */
static const u32 round_word[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static u32 sha256_rotate_right(u32 value, u32 count)
{
	return value >> count | value << (32 - count);
}

static u32 sha256_load_big_endian(const u8 *bytes)
{
	return (u32)bytes[0] << 24 | (u32)bytes[1] << 16 | (u32)bytes[2] << 8 | bytes[3];
}

static void sha256_store_big_endian(u8 *bytes, u32 value)
{
	for (u32 i = 0; i < 4; i++)
		bytes[i] = (u8)(value >> (24 - 8 * i));
}

/* Expands a block to the message schedule: RFC 6234, 6.2, step 1. */
static void sha256_expand(u32 schedule[64], const u8 *block)
{
	for (u32 t = 0; t < 16; t++)
		schedule[t] = sha256_load_big_endian(block + 4ul * t);
	for (u32 t = 16; t < 64; t++) {
		u32 a = schedule[t - 2];
		u32 b = schedule[t - 15];

		schedule[t] = (sha256_rotate_right(a, 17) ^ sha256_rotate_right(a, 19) ^ a >> 10) +
			      schedule[t - 7] +
			      (sha256_rotate_right(b, 7) ^ sha256_rotate_right(b, 18) ^ b >> 3) +
			      schedule[t - 16];
	}
}

/* Adds a block to the hash: RFC 6234, 6.2, steps 2 to 4; v holds the working variables a to h. */
void sha256_block(struct sha256_state *state, const u8 block[SHA256_BLOCK_BYTES])
{
	u32 schedule[64];
	u32 v[8];

	sha256_expand(schedule, block);
	memcpy(v, state->word, sizeof(v));
	for (u32 t = 0; t < 64; t++) {
		u32 sum_1 = sha256_rotate_right(v[4], 6) ^ sha256_rotate_right(v[4], 11) ^
			    sha256_rotate_right(v[4], 25);
		u32 choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
		u32 first = v[7] + sum_1 + choose + round_word[t] + schedule[t];
		u32 sum_0 = sha256_rotate_right(v[0], 2) ^ sha256_rotate_right(v[0], 13) ^
			    sha256_rotate_right(v[0], 22);
		u32 majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

		v[7] = v[6];
		v[6] = v[5];
		v[5] = v[4];
		v[4] = v[3] + first;
		v[3] = v[2];
		v[2] = v[1];
		v[1] = v[0];
		v[0] = first + sum_0 + majority;
	}
	for (u32 i = 0; i < 8; i++)
		state->word[i] += v[i];
}

/*
 * Adds the last bytes and the padding of RFC 6234, 4.1: a one bit, zeros, and the length in bits.
 */
void sha256_finish(struct sha256_state state, u64 before, const void *bytes, size_t count,
		   u8 digest[SHA256_BYTES])
{
	const u8 *from = bytes;
	u64 bits = 8 * (before + count);
	u8 block[SHA256_BLOCK_BYTES];

	for (; count >= SHA256_BLOCK_BYTES; count -= SHA256_BLOCK_BYTES) {
		sha256_block(&state, from);
		from += SHA256_BLOCK_BYTES;
	}
	memset(block, 0, sizeof(block));
	memcpy(block, from, count);
	block[count] = 0x80;
	if (count >= SHA256_BLOCK_BYTES - 8) {
		sha256_block(&state, block);
		memset(block, 0, sizeof(block));
	}
	sha256_store_big_endian(block + 56, (u32)(bits >> 32));
	sha256_store_big_endian(block + 60, (u32)bits);
	sha256_block(&state, block);
	for (u32 i = 0; i < 8; i++)
		sha256_store_big_endian(digest + 4ul * i, state.word[i]);
}
