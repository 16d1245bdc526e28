/* SPDX-License-Identifier: MIT */
/*
 * vmm/rt/crypto's disk cipher: AES against FIPS 197 and a table made from its definition, XChaCha
 * and Adiantum against the vectors of their authors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/unit/adiantum_vectors.h"
#include "vmm/rt/crypto/adiantum.c"
#include "vmm/rt/crypto/aes.c"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/xchacha.h"

/* What is written in hex, in a block of exactly that size; the caller frees it. */
static u8 *bytes_of(const char *hex, size_t *count)
{
	u8 *bytes = malloc(strlen(hex) / 2 + (hex[0] == '\0'));

	*count = strlen(hex) / 2;
	for (size_t i = 0; i < *count; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &bytes[i]), 1);
	return bytes;
}

/* Multiplies in GF(2^8) by the definition (FIPS 197, 4.2). */
static u32 times(u32 a, u32 b)
{
	u32 product = 0;

	for (; b != 0; b >>= 1) {
		product ^= (b & 1) != 0 ? a : 0;
		a = a << 1 ^ ((a & 0x80) != 0 ? 0x11b : 0);
	}
	return product;
}

/* FIPS 197, 5.1.1: the inverse, found by trying, and the affine map. */
static u8 substituted(u32 byte)
{
	u32 inverse = 0;
	u32 result = 0x63;

	for (u32 i = 1; i < 256; i++)
		inverse = times(byte, i) == 1 ? i : inverse;
	for (u32 i = 0; i < 8; i++) {
		u32 bit = inverse >> i ^ inverse >> (i + 4) % 8 ^ inverse >> (i + 5) % 8 ^
			  inverse >> (i + 6) % 8 ^ inverse >> (i + 7) % 8;

		result ^= (bit & 1) << i;
	}
	return (u8)result;
}

static void test_aes_substitution(void **state)
{
	(void)state;
	for (u32 i = 0; i < 256; i++) {
		u8 block[16];
		struct aes_planes planes;

		for (u32 j = 0; j < 16; j++)
			block[j] = (u8)(i + 17 * j);
		aes_pack(&planes, block);
		aes_substitute(&planes);
		aes_unpack(&planes, block);
		for (u32 j = 0; j < 16; j++)
			assert_int_equal(block[j], substituted((i + 17 * j) & 0xff));
		aes_substitute_back(&planes);
		aes_unpack(&planes, block);
		for (u32 j = 0; j < 16; j++)
			assert_int_equal(block[j], (i + 17 * j) & 0xff);
	}
}

/* FIPS 197, appendix C.3 */
static void test_aes(void **state)
{
	static const u8 expected[16] = {0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf,
					0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89};
	struct aes256 aes;
	u8 block[16];
	u8 plain[16];
	u8 key[32];

	(void)state;
	for (u8 i = 0; i < 32; i++)
		key[i] = i;
	for (u8 i = 0; i < 16; i++)
		plain[i] = (u8)(i * 0x11);
	memcpy(block, plain, 16);
	aes_open(&aes, key);
	aes_encrypt(&aes, block);
	assert_memory_equal(block, expected, 16);
	aes_decrypt(&aes, block);
	assert_memory_equal(block, plain, 16);
}

static void check_vector(const struct adiantum_vector *vector)
{
	size_t key_count;
	size_t tweak_count;
	size_t count;
	u8 *bytes = bytes_of(vector->key, &key_count);
	u8 *tweak = bytes_of(vector->tweak, &tweak_count);
	u8 *plain = bytes_of(vector->plain, &count);
	u8 *cipher = bytes_of(vector->cipher, &count);
	u8 *text = malloc(count);
	struct adiantum key;

	memcpy(text, plain, count);
	assert_int_equal(key_count, ADIANTUM_KEY_BYTES);
	adiantum_open(&key, bytes);
	adiantum_sector(&key, tweak, tweak_count, text, count, true);
	assert_memory_equal(text, cipher, count);
	adiantum_sector(&key, tweak, tweak_count, text, count, false);
	assert_memory_equal(text, plain, count);
	free(bytes);
	free(tweak);
	free(plain);
	free(cipher);
	free(text);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(adiantum_vectors) / sizeof(adiantum_vectors[0]); i++)
		check_vector(&adiantum_vectors[i]);
}

/* A bit of the sector, of the tweak or of the key changes about half of the bits everywhere. */
static void test_every_bit_counts(void **state)
{
	u8 bytes[ADIANTUM_KEY_BYTES] = {1};
	u8 tweak[ADIANTUM_TWEAK_BYTES] = {2};
	u8 first[512] = {3};
	struct adiantum key;

	(void)state;
	adiantum_open(&key, bytes);
	adiantum_encrypt(&key, tweak, first, sizeof(first));
	for (u32 what = 0; what < 3; what++) {
		u8 text[512] = {3};
		u32 differ = 0;

		if (what == 0)
			text[300] ^= 1;
		else if (what == 1)
			tweak[8] ^= 1;
		else
			bytes[31] ^= 1;
		adiantum_open(&key, bytes);
		adiantum_encrypt(&key, tweak, text, sizeof(text));
		for (u32 i = 0; i < sizeof(text); i++)
			differ += (u32)__builtin_popcount(text[i] ^ first[i]);
		assert_in_range(differ, 1850, 2250); /* of 4096, by 6 deviations */
		if (what == 1)
			tweak[8] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aes_substitution),
		cmocka_unit_test(test_aes),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
