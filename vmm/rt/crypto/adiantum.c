/* SPDX-License-Identifier: MIT */
/*
 * Adiantum: encrypts a sector into one of the same length (Crowley and Biggers, "Adiantum:
 * length-preserving encryption for entry-level processors", 2018). Called by a monitor for its VM's
 * disks. The sector's last 16 bytes are the right part, all others the left part. A hash of the
 * left part is added to the right part; the sum passes through AES and gives the nonce of the key
 * stream that is added to the left part; the hash of the new left part is subtracted from the right
 * part.
 */
#include "vmm/rt/crypto/adiantum.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"

#define NH_UNIT_BYTES (NH_UNIT * sizeof(u32))
#define NH_TEXT_BYTES (NH_TEXT_WORDS * sizeof(u32))
_Static_assert(AES_BLOCK_BYTES == POLY1305_TAG_BYTES, "a hash is added to a block");

/* A number of 128 bits, the lower word first. */
struct adiantum_sum {
	u64 word[2];
};

static void adiantum_nonce(const u8 *block, size_t count, u8 nonce[XCHACHA_NONCE_BYTES])
{
	memset(nonce, 0, XCHACHA_NONCE_BYTES);
	memcpy(nonce, block, count);
	nonce[count] = 1;
}

void adiantum_open(struct adiantum *key, const u8 bytes[ADIANTUM_KEY_BYTES])
{
	struct {
		u8 aes_key[AES256_KEY_BYTES];
		u8 tweak_key[16];
		u8 text_key[16];
		u32 nh_key[NH_KEY_WORDS];
	} keys = {{0}, {0}, {0}, {0}};
	u8 nonce[XCHACHA_NONCE_BYTES];

	adiantum_nonce(bytes, 0, nonce);
	xchacha_add(bytes, nonce, &keys, sizeof(keys));
	memcpy(key->stream_key, bytes, sizeof(key->stream_key));
	memcpy(key->tweak_key, keys.tweak_key, sizeof(key->tweak_key));
	memcpy(key->text_key, keys.text_key, sizeof(key->text_key));
	memcpy(key->nh_key, keys.nh_key, sizeof(key->nh_key));
	aes_open(&key->aes, keys.aes_key);
	secret_forget(&keys, sizeof(keys));
}

/* --- the hash --- */

/*
 * Hashes `words` words, a multiple of NH_UNIT, by NH: four sums of products, each with its own
 * shift of the key.
 */
static void adiantum_nh(const u32 *key, const u8 *text, u32 words, u64 sum[NH_PASSES])
{
	u64 sum0 = 0;
	u64 sum1 = 0;
	u64 sum2 = 0;
	u64 sum3 = 0;

	for (u32 i = 0; i < words; i += NH_UNIT) {
		const u32 *k = key + i;
		u32 m[NH_UNIT];

		memcpy(m, text + i * sizeof(u32), sizeof(m));
		sum0 += (u64)(m[0] + k[0]) * (m[2] + k[2]);
		sum0 += (u64)(m[1] + k[1]) * (m[3] + k[3]);
		sum1 += (u64)(m[0] + k[4]) * (m[2] + k[6]);
		sum1 += (u64)(m[1] + k[5]) * (m[3] + k[7]);
		sum2 += (u64)(m[0] + k[8]) * (m[2] + k[10]);
		sum2 += (u64)(m[1] + k[9]) * (m[3] + k[11]);
		sum3 += (u64)(m[0] + k[12]) * (m[2] + k[14]);
		sum3 += (u64)(m[1] + k[13]) * (m[3] + k[15]);
	}
	sum[0] = sum0;
	sum[1] = sum1;
	sum[2] = sum2;
	sum[3] = sum3;
}

/* Hashes at most NH_TEXT_BYTES of text by NH; zeros fill the last unit of NH_UNIT words. */
static void adiantum_hash_piece(const struct adiantum *key, const u8 *text, size_t count,
				u64 sum[NH_PASSES])
{
	size_t whole = align_down(count, NH_UNIT_BYTES);
	u8 last[NH_UNIT_BYTES] = {0};
	u64 more[NH_PASSES];

	adiantum_nh(key->nh_key, text, (u32)(whole / sizeof(u32)), sum);
	if (whole == count)
		return;
	memcpy(last, text + whole, count - whole);
	adiantum_nh(key->nh_key + whole / sizeof(u32), last, NH_UNIT, more);
	for (u32 i = 0; i < NH_PASSES; i++)
		sum[i] += more[i];
	secret_forget(last, sizeof(last));
}

/* Begins a Poly1305 with the key, whose final addend is 0. */
static void adiantum_poly_open(struct poly1305 *poly, const u8 key[16])
{
	u8 both[POLY1305_KEY_BYTES] = {0};

	memcpy(both, key, 16);
	poly1305_open(poly, both);
	secret_forget(both, sizeof(both));
}

static struct adiantum_sum adiantum_add(struct adiantum_sum a, struct adiantum_sum b)
{
	u64 low = a.word[0] + b.word[0];

	return (struct adiantum_sum){{low, a.word[1] + b.word[1] + (low < a.word[0])}};
}

static struct adiantum_sum adiantum_take_off(struct adiantum_sum a, struct adiantum_sum b)
{
	return (struct adiantum_sum){
		{a.word[0] - b.word[0], a.word[1] - b.word[1] - (a.word[0] < b.word[0])}};
}

/* Hashes the tweak, and the length of the sector's left part in bits, by Poly1305. */
static struct adiantum_sum adiantum_hash_tweak(const struct adiantum *key, const u8 *tweak,
					       size_t tweak_count, size_t count)
{
	const u64 bits[2] = {8 * count, 0};
	struct adiantum_sum sum;
	struct poly1305 poly;

	adiantum_poly_open(&poly, key->tweak_key);
	poly1305_add(&poly, bits, sizeof(bits), false);
	poly1305_add(&poly, tweak, tweak_count, false);
	poly1305_finish(&poly, (u8 *)sum.word);
	return sum;
}

static struct adiantum_sum adiantum_hash_text(const struct adiantum *key, const u8 *text,
					      size_t count)
{
	struct adiantum_sum sum;
	struct poly1305 poly;

	adiantum_poly_open(&poly, key->text_key);
	for (size_t at = 0; at < count; at += NH_TEXT_BYTES) {
		u64 piece[NH_PASSES];

		adiantum_hash_piece(key, text + at, MIN(count - at, NH_TEXT_BYTES), piece);
		poly1305_add(&poly, piece, sizeof(piece), false);
	}
	poly1305_finish(&poly, (u8 *)sum.word);
	return sum;
}

/* --- sectors --- */

static void adiantum_stream(const struct adiantum *key, const struct adiantum_sum *middle, u8 *left,
			    size_t count)
{
	u8 nonce[XCHACHA_NONCE_BYTES];

	adiantum_nonce((const u8 *)middle->word, sizeof(middle->word), nonce);
	xchacha_add(key->stream_key, nonce, left, count);
}

/* Encrypts or decrypts a sector. Both begin by adding one hash and end by subtracting the other. */
static void adiantum_sector(const struct adiantum *key, const u8 *tweak, size_t tweak_count,
			    u8 *bytes, size_t count, bool encrypts)
{
	size_t left = count - AES_BLOCK_BYTES;
	struct adiantum_sum of_tweak = adiantum_hash_tweak(key, tweak, tweak_count, left);
	struct adiantum_sum right;

	memcpy(&right, bytes + left, sizeof(right));
	right = adiantum_add(right, of_tweak);
	right = adiantum_add(right, adiantum_hash_text(key, bytes, left));
	if (encrypts)
		aes_encrypt(&key->aes, (u8 *)right.word);
	adiantum_stream(key, &right, bytes, left);
	if (!encrypts)
		aes_decrypt(&key->aes, (u8 *)right.word);
	right = adiantum_take_off(right, of_tweak);
	right = adiantum_take_off(right, adiantum_hash_text(key, bytes, left));
	memcpy(bytes + left, &right, sizeof(right));
}

void adiantum_encrypt(const struct adiantum *key, const u8 tweak[ADIANTUM_TWEAK_BYTES], u8 *bytes,
		      size_t count)
{
	adiantum_sector(key, tweak, ADIANTUM_TWEAK_BYTES, bytes, count, true);
}

void adiantum_decrypt(const struct adiantum *key, const u8 tweak[ADIANTUM_TWEAK_BYTES], u8 *bytes,
		      size_t count)
{
	adiantum_sector(key, tweak, ADIANTUM_TWEAK_BYTES, bytes, count, false);
}
