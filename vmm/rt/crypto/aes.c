/* SPDX-License-Identifier: MIT */
/*
 * AES-256 of single blocks (FIPS 197). Called by adiantum.c, once for each sector. A block is
 * handled as eight planes of bits, so that a byte is substituted by logic alone: no address and no
 * branch depends on a key or on data. A byte is inverted in GF(16)[Y]/(Y^2 + Y + 10), where GF(16)
 * is GF(2)[z]/(z^4 + z + 1): the low four planes are the part without Y.
 */
#include "vmm/rt/crypto/aes.h"

#include "lib/string.h"
#include "vmm/rt/crypto/secret.h"

#define AES_KEY_WORDS	   8u
#define AES_ROUND_KEYS	   (AES256_ROUNDS + 1)
#define AES_SCHEDULE_WORDS (4 * AES_ROUND_KEYS)

/* --- bytes and planes --- */

/* Transposes eight bytes as a matrix of 8 by 8 bits. */
static u64 aes_transpose(u64 bits)
{
	u64 swap = (bits ^ bits >> 7) & 0x00aa00aa00aa00aaull;

	bits ^= swap ^ swap << 7;
	swap = (bits ^ bits >> 14) & 0x0000cccc0000ccccull;
	bits ^= swap ^ swap << 14;
	swap = (bits ^ bits >> 28) & 0x00000000f0f0f0f0ull;
	return bits ^ swap ^ swap << 28;
}

static void aes_pack(struct aes_planes *planes, const u8 block[AES_BLOCK_BYTES])
{
	u64 low;
	u64 high;

	memcpy(&low, block, 8);
	memcpy(&high, block + 8, 8);
	low = aes_transpose(low);
	high = aes_transpose(high);
	for (u32 i = 0; i < AES_PLANES; i++)
		planes->plane[i] = (u16)((low >> 8 * i & 0xff) | (high >> 8 * i & 0xff) << 8);
}

static void aes_unpack(const struct aes_planes *planes, u8 block[AES_BLOCK_BYTES])
{
	u64 low = 0;
	u64 high = 0;

	for (u32 i = 0; i < AES_PLANES; i++) {
		low |= (u64)(planes->plane[i] & 0xff) << 8 * i;
		high |= (u64)(planes->plane[i] >> 8) << 8 * i;
	}
	low = aes_transpose(low);
	high = aes_transpose(high);
	memcpy(block, &low, 8);
	memcpy(block + 8, &high, 8);
}

/* --- the inverse in GF(2^8), of 16 bytes at once --- */

/* Multiplies elements of GF(16). `product` is neither of the factors. */
static inline void aes_multiply(const u32 a[4], const u32 b[4], u32 product[4])
{
	u32 high4 = (a[1] & b[3]) ^ (a[2] & b[2]) ^ (a[3] & b[1]);
	u32 high5 = (a[2] & b[3]) ^ (a[3] & b[2]);
	u32 high6 = a[3] & b[3];

	product[0] = (a[0] & b[0]) ^ high4;
	product[1] = (a[0] & b[1]) ^ (a[1] & b[0]) ^ high4 ^ high5;
	product[2] = (a[0] & b[2]) ^ (a[1] & b[1]) ^ (a[2] & b[0]) ^ high5 ^ high6;
	product[3] = (a[0] & b[3]) ^ (a[1] & b[2]) ^ (a[2] & b[1]) ^ (a[3] & b[0]) ^ high6;
}

/*
 * Inverts elements of GF(16), and keeps 0: the inverse is the 14th power, the product of the 2nd,
 * 4th and 8th.
 */
static inline void aes_invert_small(const u32 x[4], u32 inverse[4])
{
	const u32 power2[4] = {x[0] ^ x[2], x[2], x[1] ^ x[3], x[3]};
	const u32 power4[4] = {x[0] ^ x[1] ^ x[2] ^ x[3], x[1] ^ x[3], x[2] ^ x[3], x[3]};
	const u32 power8[4] = {x[0] ^ x[1], x[2] ^ x[3], x[1], x[3]};
	u32 power6[4];

	aes_multiply(power2, power4, power6);
	aes_multiply(power6, power8, inverse);
}

/* Inverts elements low + high * Y of GF(2^8), and keeps 0. */
static inline void aes_invert(u32 x[8])
{
	const u32 *low = x;
	const u32 *high = x + 4;
	u32 both[4];
	u32 product[4];
	u32 norm[4];
	u32 inverse[4];
	u32 result[8];

	/*
	 * computes low^2 + low * high + 10 * high^2, the norm of the element, which lies in GF(16)
	 */
	aes_multiply(low, high, product);
	norm[0] = product[0] ^ low[0] ^ low[2] ^ high[2] ^ high[3];
	norm[1] = product[1] ^ low[2] ^ high[0] ^ high[1];
	norm[2] = product[2] ^ low[1] ^ low[3] ^ high[1] ^ high[2];
	norm[3] = product[3] ^ low[3] ^ high[0] ^ high[1] ^ high[2];
	aes_invert_small(norm, inverse);
	for (u32 i = 0; i < 4; i++)
		both[i] = low[i] ^ high[i];
	aes_multiply(both, inverse, result);
	aes_multiply(high, inverse, result + 4);
	memcpy(x, result, sizeof(result));
}

/* --- steps of a round (FIPS 197, 5.1 and 5.3) --- */

/*
 * SubBytes: converts the bytes to the other basis, inverts them, and converts them back with the
 * affine map.
 */
static void aes_substitute(struct aes_planes *planes)
{
	u16 *p = planes->plane;
	u32 x[8] = {
		p[0] ^ p[5],
		p[2] ^ p[3] ^ p[5],
		p[1] ^ p[6] ^ p[7],
		p[1] ^ p[3] ^ p[6] ^ p[7],
		p[2] ^ p[3] ^ p[4] ^ p[6] ^ p[7],
		p[2] ^ p[3] ^ p[5] ^ p[7],
		p[1] ^ p[4] ^ p[5] ^ p[6],
		p[5] ^ p[7],
	};

	aes_invert(x);
	p[0] = (u16) ~(x[0] ^ x[4] ^ x[5] ^ x[7]);
	p[1] = (u16) ~(x[0] ^ x[2]);
	p[2] = (u16)(x[0] ^ x[1] ^ x[3]);
	p[3] = (u16)(x[0] ^ x[4] ^ x[6]);
	p[4] = (u16)(x[0] ^ x[1] ^ x[2] ^ x[4] ^ x[5] ^ x[7]);
	p[5] = (u16) ~(x[1] ^ x[2] ^ x[4] ^ x[5] ^ x[7]);
	p[6] = (u16) ~(x[4] ^ x[7]);
	p[7] = (u16)(x[1] ^ x[2] ^ x[3] ^ x[4]);
}

/* InvSubBytes: undoes the affine map, converts to the other basis, inverts, and converts back. */
static void aes_substitute_back(struct aes_planes *planes)
{
	u16 *p = planes->plane;
	const u32 in[8] = {(u16)~p[0], (u16)~p[1], p[2], p[3], p[4], (u16)~p[5], (u16)~p[6], p[7]};
	u32 x[8] = {
		in[4] ^ in[5],
		in[0] ^ in[1] ^ in[5],
		in[1] ^ in[4] ^ in[5],
		in[0] ^ in[1] ^ in[2] ^ in[4],
		in[1] ^ in[2] ^ in[7],
		in[0] ^ in[4] ^ in[5] ^ in[6],
		in[1] ^ in[2] ^ in[3] ^ in[4] ^ in[5] ^ in[7],
		in[1] ^ in[2] ^ in[6] ^ in[7],
	};

	aes_invert(x);
	p[0] = (u16)(x[0] ^ x[1] ^ x[5] ^ x[7]);
	p[1] = (u16)(x[4] ^ x[5] ^ x[6]);
	p[2] = (u16)(x[2] ^ x[3] ^ x[5] ^ x[7]);
	p[3] = (u16)(x[2] ^ x[3]);
	p[4] = (u16)(x[2] ^ x[6] ^ x[7]);
	p[5] = (u16)(x[1] ^ x[5] ^ x[7]);
	p[6] = (u16)(x[1] ^ x[2] ^ x[4] ^ x[6]);
	p[7] = (u16)(x[1] ^ x[5]);
}

static u32 aes_rotate_right(u32 plane, u32 count)
{
	return (plane >> count | plane << (16 - count)) & 0xffff;
}

/* ShiftRows: row r is every fourth bit from bit r on, and is shifted by r columns of four bits. */
static void aes_shift_rows(struct aes_planes *planes)
{
	for (u32 i = 0; i < AES_PLANES; i++) {
		u32 p = planes->plane[i];

		planes->plane[i] =
			(u16)((p & 0x1111) | aes_rotate_right(p & 0x2222, 4) |
			      aes_rotate_right(p & 0x4444, 8) | aes_rotate_right(p & 0x8888, 12));
	}
}

static void aes_shift_rows_back(struct aes_planes *planes)
{
	for (u32 i = 0; i < AES_PLANES; i++) {
		u32 p = planes->plane[i];

		planes->plane[i] =
			(u16)((p & 0x1111) | aes_rotate_right(p & 0x2222, 12) |
			      aes_rotate_right(p & 0x4444, 8) | aes_rotate_right(p & 0x8888, 4));
	}
}

/* Returns a plane with each column turned by one row; aes_turn_twice by two rows. */
static u32 aes_turn(u32 plane)
{
	return (plane >> 1 & 0x7777) | (plane & 0x1111) << 3;
}

static u32 aes_turn_twice(u32 plane)
{
	return (plane >> 2 & 0x3333) | (plane & 0x3333) << 2;
}

/* Multiplies the bytes by 2, in the field of AES. */
static void aes_double(u32 x[8])
{
	u32 top = x[7];

	for (u32 i = 7; i > 0; i--)
		x[i] = x[i - 1];
	x[0] = top;
	x[1] ^= top;
	x[3] ^= top;
	x[4] ^= top;
}

/* MixColumns: each byte becomes twice the sum of itself and the next, plus the other three. */
static void aes_mix_columns(struct aes_planes *planes)
{
	u32 twice[8];
	u32 rest[8];

	for (u32 i = 0; i < AES_PLANES; i++) {
		u32 next = aes_turn(planes->plane[i]);

		twice[i] = planes->plane[i] ^ next;
		rest[i] = next ^ aes_turn_twice(twice[i]);
	}
	aes_double(twice);
	for (u32 i = 0; i < AES_PLANES; i++)
		planes->plane[i] = (u16)(twice[i] ^ rest[i]);
}

/*
 * InvMixColumns: adds to each byte four times its sum with the next byte but one, then does
 * MixColumns.
 */
static void aes_mix_columns_back(struct aes_planes *planes)
{
	u32 sum[8];

	for (u32 i = 0; i < AES_PLANES; i++)
		sum[i] = planes->plane[i] ^ aes_turn_twice(planes->plane[i]);
	aes_double(sum);
	aes_double(sum);
	for (u32 i = 0; i < AES_PLANES; i++)
		planes->plane[i] ^= (u16)sum[i];
	aes_mix_columns(planes);
}

static void aes_add_round_key(struct aes_planes *planes, const struct aes_planes *key)
{
	for (u32 i = 0; i < AES_PLANES; i++)
		planes->plane[i] ^= key->plane[i];
}

/* --- keys (FIPS 197, 5.2) and blocks --- */

static u32 aes_substitute_word(u32 word)
{
	u8 block[AES_BLOCK_BYTES] = {0};
	struct aes_planes planes;

	memcpy(block, &word, sizeof(word));
	aes_pack(&planes, block);
	aes_substitute(&planes);
	aes_unpack(&planes, block);
	memcpy(&word, block, sizeof(word));
	return word;
}

void aes_open(struct aes256 *aes, const u8 key[AES256_KEY_BYTES])
{
	u32 word[AES_SCHEDULE_WORDS]; /* in each word, the first byte is the lowest */
	u32 round_constant = 1;

	memcpy(word, key, AES256_KEY_BYTES);
	for (u32 i = AES_KEY_WORDS; i < AES_SCHEDULE_WORDS; i++) {
		u32 last = word[i - 1];

		if (i % AES_KEY_WORDS == 0) {
			last = aes_substitute_word(last >> 8 | last << 24) ^ round_constant;
			round_constant <<= 1;
		} else if (i % AES_KEY_WORDS == 4) {
			last = aes_substitute_word(last);
		}
		word[i] = word[i - AES_KEY_WORDS] ^ last;
	}
	for (u32 i = 0; i < AES_ROUND_KEYS; i++)
		aes_pack(&aes->round_key[i], (const u8 *)&word[(size_t)4 * i]);
	secret_forget(word, sizeof(word));
}

void aes_encrypt(const struct aes256 *aes, u8 block[AES_BLOCK_BYTES])
{
	struct aes_planes planes;

	aes_pack(&planes, block);
	aes_add_round_key(&planes, &aes->round_key[0]);
	for (u32 round = 1; round <= AES256_ROUNDS; round++) {
		aes_substitute(&planes);
		aes_shift_rows(&planes);
		if (round < AES256_ROUNDS)
			aes_mix_columns(&planes);
		aes_add_round_key(&planes, &aes->round_key[round]);
	}
	aes_unpack(&planes, block);
}

void aes_decrypt(const struct aes256 *aes, u8 block[AES_BLOCK_BYTES])
{
	struct aes_planes planes;

	aes_pack(&planes, block);
	for (u32 round = AES256_ROUNDS; round > 0; round--) {
		aes_add_round_key(&planes, &aes->round_key[round]);
		if (round < AES256_ROUNDS)
			aes_mix_columns_back(&planes);
		aes_shift_rows_back(&planes);
		aes_substitute_back(&planes);
	}
	aes_add_round_key(&planes, &aes->round_key[0]);
	aes_unpack(&planes, block);
}
