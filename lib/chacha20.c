/* SPDX-License-Identifier: MIT */
/*
 * The ChaCha20 block function (RFC 8439), the base of all random numbers. lib/entropy.c calls it,
 * in the kernel and in ring 3. It computes on its arguments alone and takes the same time for every
 * key.
 */
#include "lib/chacha20.h"
#include "lib/string.h"

#define WORDS 16

static u32 chacha20_rotate_left(u32 value, unsigned int count)
{
	return value << count | value >> (32 - count);
}

/* Does a quarter round of ChaCha20 on four words of the state (RFC 8439, 2.1). */
static void chacha20_quarter_round(u32 state[WORDS], int a, int b, int c, int d)
{
	state[a] += state[b];
	state[d] = chacha20_rotate_left(state[d] ^ state[a], 16);
	state[c] += state[d];
	state[b] = chacha20_rotate_left(state[b] ^ state[c], 12);
	state[a] += state[b];
	state[d] = chacha20_rotate_left(state[d] ^ state[a], 8);
	state[c] += state[d];
	state[b] = chacha20_rotate_left(state[b] ^ state[c], 7);
}

void chacha20_block(const u8 key[CHACHA20_KEY_BYTES], u32 counter,
		    const u8 nonce[CHACHA20_NONCE_BYTES], u8 block[CHACHA20_BLOCK_BYTES])
{
	u32 start[WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	u32 state[WORDS];

	memcpy(&start[4], key, CHACHA20_KEY_BYTES);
	start[12] = counter;
	memcpy(&start[13], nonce, CHACHA20_NONCE_BYTES);
	memcpy(state, start, sizeof(state));
	for (int i = 0; i < 10; i++) {
		chacha20_quarter_round(state, 0, 4, 8, 12);
		chacha20_quarter_round(state, 1, 5, 9, 13);
		chacha20_quarter_round(state, 2, 6, 10, 14);
		chacha20_quarter_round(state, 3, 7, 11, 15);
		chacha20_quarter_round(state, 0, 5, 10, 15);
		chacha20_quarter_round(state, 1, 6, 11, 12);
		chacha20_quarter_round(state, 2, 7, 8, 13);
		chacha20_quarter_round(state, 3, 4, 9, 14);
	}
	for (int i = 0; i < WORDS; i++)
		state[i] += start[i];
	memcpy(block, state, sizeof(state));
}
