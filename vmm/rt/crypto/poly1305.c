/* SPDX-License-Identifier: MIT */
/*
 * The one-time authenticator Poly1305 (RFC 8439, 2.5). Called by chacha20_poly1305.c and
 * disk_sum.c. Numbers are words of 64 bits, the lowest first: r has 124 bits, so that the words of
 * a product can be summed in 128 bits without losing a carry. The modulus is 2^130 - 5.
 */
#include "vmm/rt/crypto/poly1305.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/crypto/secret.h"

typedef unsigned __int128 u128;

/* masks for the bits of r that may be set; all others are cleared (RFC 8439, 2.5) */
#define CLAMP_LOW  0x0ffffffc0fffffffull
#define CLAMP_HIGH 0x0ffffffc0ffffffcull

static u64 poly1305_load_word(const u8 *bytes)
{
	u64 word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

void poly1305_open(struct poly1305 *poly, const u8 key[POLY1305_KEY_BYTES])
{
	*poly = (struct poly1305){
		.r = {poly1305_load_word(key) & CLAMP_LOW,
		      poly1305_load_word(key + 8) & CLAMP_HIGH},
		.s = {poly1305_load_word(key + 16), poly1305_load_word(key + 24)},
	};
}

/* Adds the number of three words to the sum. */
static void poly1305_add_words(u64 sum[3], u64 low, u64 middle, u64 high)
{
	u128 carry = (u128)sum[0] + low;

	sum[0] = (u64)carry;
	carry = (u128)sum[1] + middle + (u64)(carry >> 64);
	sum[1] = (u64)carry;
	sum[2] += high + (u64)(carry >> 64);
}

/* Multiplies the sum by r and reduces it partly: sum < 2^131 before and after. */
static void poly1305_multiply(struct poly1305 *poly)
{
	const u64 *r = poly->r;
	u64 *sum = poly->sum;
	u128 low = (u128)sum[0] * r[0];
	u128 middle = (u128)sum[0] * r[1] + (u128)sum[1] * r[0] + (u64)(low >> 64);
	u128 high = (u128)sum[1] * r[1] + (u128)sum[2] * r[0] + (u64)(middle >> 64);
	u64 top = sum[2] * r[1] + (u64)(high >> 64);
	/*
	 * 2^130 is 5 modulo 2^130 - 5, so the part of the product from bit 130 on is added five
	 * times: four times moved down by two words, and once by two bits more
	 */
	u64 over = (u64)high & ~3ull;

	sum[0] = (u64)low;
	sum[1] = (u64)middle;
	sum[2] = (u64)high & 3;
	poly1305_add_words(sum, over, top, 0);
	poly1305_add_words(sum, over >> 2 | top << 62, top >> 2, 0);
}

void poly1305_add(struct poly1305 *poly, const void *bytes, size_t count, bool padded)
{
	const u8 *from = bytes;

	for (; count >= POLY1305_BLOCK_BYTES; count -= POLY1305_BLOCK_BYTES) {
		poly1305_add_words(poly->sum, poly1305_load_word(from),
				   poly1305_load_word(from + 8), 1);
		poly1305_multiply(poly);
		from += POLY1305_BLOCK_BYTES;
	}
	if (count > 0) {
		u8 block[POLY1305_BLOCK_BYTES] = {0};

		memcpy(block, from, count);
		if (!padded)
			block[count] = 1;
		poly1305_add_words(poly->sum, poly1305_load_word(block),
				   poly1305_load_word(block + 8), padded);
		poly1305_multiply(poly);
	}
}

void poly1305_finish(struct poly1305 *poly, u8 tag[POLY1305_TAG_BYTES])
{
	u64 less[3] = {poly->sum[0], poly->sum[1], poly->sum[2]};
	u64 keep;
	u128 word;

	/*
	 * If sum - (2^130 - 5) is not negative, it is the remainder: the sum is below twice the
	 * modulus.
	 */
	poly1305_add_words(less, 5, 0, 0);
	/* all ones if the difference is negative and the sum is kept, else 0 */
	keep = (less[2] >> 2) - 1;
	word = (u128)((poly->sum[0] & keep) | (less[0] & ~keep)) + poly->s[0];
	memcpy(tag, &word, 8);
	word = (u128)((poly->sum[1] & keep) | (less[1] & ~keep)) + poly->s[1] + (u64)(word >> 64);
	memcpy(tag + 8, &word, 8);
	secret_forget(poly, sizeof(*poly));
	secret_forget(less, sizeof(less));
}
