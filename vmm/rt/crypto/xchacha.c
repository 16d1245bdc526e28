/* SPDX-License-Identifier: MIT */
/*
 * The stream cipher XChaCha12. Called by adiantum.c. lib/chacha20.c has ChaCha20, by which random
 * numbers and saves are made, and computes single blocks; this file is for disks and adds a stream
 * to whole sectors. It takes the same time for every key and text.
 */
#include "vmm/rt/crypto/xchacha.h"

#include "lib/string.h"
#include "vmm/rt/crypto/secret.h"

#define XCHACHA_WORDS	      16u
#define XCHACHA_BLOCK_BYTES   64u
#define XCHACHA_DOUBLE_ROUNDS 6u

struct xchacha_state {
	u32 word[XCHACHA_WORDS];
};

static inline u32 xchacha_rotate_left(u32 value, u32 count)
{
	return value << count | value >> (32 - count);
}

/* Does a quarter round of ChaCha on four words (RFC 8439, 2.1). */
static inline __attribute__((always_inline)) void xchacha_quarter_round(u32 *a, u32 *b, u32 *c,
									u32 *d)
{
	*a += *b;
	*d = xchacha_rotate_left(*d ^ *a, 16);
	*c += *d;
	*b = xchacha_rotate_left(*b ^ *c, 12);
	*a += *b;
	*d = xchacha_rotate_left(*d ^ *a, 8);
	*c += *d;
	*b = xchacha_rotate_left(*b ^ *c, 7);
}

static inline __attribute__((always_inline)) void xchacha_rounds(u32 w[XCHACHA_WORDS])
{
	for (u32 i = 0; i < XCHACHA_DOUBLE_ROUNDS; i++) {
		xchacha_quarter_round(&w[0], &w[4], &w[8], &w[12]);
		xchacha_quarter_round(&w[1], &w[5], &w[9], &w[13]);
		xchacha_quarter_round(&w[2], &w[6], &w[10], &w[14]);
		xchacha_quarter_round(&w[3], &w[7], &w[11], &w[15]);
		xchacha_quarter_round(&w[0], &w[5], &w[10], &w[15]);
		xchacha_quarter_round(&w[1], &w[6], &w[11], &w[12]);
		xchacha_quarter_round(&w[2], &w[7], &w[8], &w[13]);
		xchacha_quarter_round(&w[3], &w[4], &w[9], &w[14]);
	}
}

static void xchacha_begin(struct xchacha_state *state, const u8 key[XCHACHA_KEY_BYTES])
{
	*state = (struct xchacha_state){{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}};
	memcpy(&state->word[4], key, XCHACHA_KEY_BYTES);
}

/*
 * Makes the subkey for a nonce, from the key and the nonce's first 16 bytes
 * (draft-irtf-cfrg-xchacha-03, 2.2).
 */
static void xchacha_subkey(const u8 key[XCHACHA_KEY_BYTES], const u8 nonce[16],
			   u8 subkey[XCHACHA_KEY_BYTES])
{
	struct xchacha_state state;

	xchacha_begin(&state, key);
	memcpy(&state.word[12], nonce, 16);
	xchacha_rounds(state.word);
	memcpy(subkey, &state.word[0], 16);
	memcpy(subkey + 16, &state.word[12], 16);
	secret_forget(&state, sizeof(state));
}

static void xchacha_add_block(const struct xchacha_state *start, u8 *bytes)
{
	u32 w[XCHACHA_WORDS];
	u32 text;

	memcpy(w, start->word, sizeof(w));
	xchacha_rounds(w);
	for (u32 i = 0; i < XCHACHA_WORDS; i++) {
		memcpy(&text, bytes + sizeof(text) * i, sizeof(text));
		text ^= w[i] + start->word[i];
		memcpy(bytes + sizeof(text) * i, &text, sizeof(text));
	}
}

void xchacha_add(const u8 key[XCHACHA_KEY_BYTES], const u8 nonce[XCHACHA_NONCE_BYTES], void *bytes,
		 size_t count)
{
	u8 subkey[XCHACHA_KEY_BYTES];
	struct xchacha_state state;
	u8 *at = bytes;
	u64 block = 0;

	xchacha_subkey(key, nonce, subkey);
	xchacha_begin(&state, subkey);
	memcpy(&state.word[14], nonce + 16, 8);
	for (; count >= XCHACHA_BLOCK_BYTES;
	     count -= XCHACHA_BLOCK_BYTES, at += XCHACHA_BLOCK_BYTES) {
		memcpy(&state.word[12], &block, sizeof(block));
		xchacha_add_block(&state, at);
		block++;
	}
	if (count > 0) {
		u8 last[XCHACHA_BLOCK_BYTES] = {0};

		memcpy(&state.word[12], &block, sizeof(block));
		memcpy(last, at, count);
		xchacha_add_block(&state, last);
		memcpy(at, last, count);
		secret_forget(last, sizeof(last));
	}
	secret_forget(subkey, sizeof(subkey));
	secret_forget(&state, sizeof(state));
}
