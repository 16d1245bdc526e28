/* SPDX-License-Identifier: MIT */
/* lib/chacha20 against RFC 8439's own vectors; lib/entropy on top of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/chacha20.c"
#include "lib/entropy.c"

/* RFC 8439, 2.1.1 */
static void test_quarter_round(void **state)
{
	u32 words[16] = {0x11111111, 0x01020304, 0x9b8d6f43, 0x01234567};

	(void)state;
	chacha20_quarter_round(words, 0, 1, 2, 3);
	assert_int_equal(words[0], 0xea2a92f4);
	assert_int_equal(words[1], 0xcb1cf8ce);
	assert_int_equal(words[2], 0x4581472e);
	assert_int_equal(words[3], 0x5881c4bb);
}

/* RFC 8439, 2.3.2 */
static void test_block(void **state)
{
	static const u8 nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a};
	static const u8 expected[64] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
		0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
		0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
		0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
		0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
	};
	u8 key[32];
	u8 block[64];

	(void)state;
	for (u8 i = 0; i < 32; i++)
		key[i] = i;
	chacha20_block(key, 1, nonce, block);
	assert_memory_equal(block, expected, sizeof(block));
}

/* RFC 8439, appendix A.1, vector 1: all zero */
static void test_block_zero(void **state)
{
	static const u8 zero[32];
	static const u8 expected[16] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
					0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28};
	u8 block[64];

	(void)state;
	chacha20_block(zero, 0, zero, block);
	assert_memory_equal(block, expected, sizeof(expected));
}

/* One differing bit anywhere in the input gives another pool and other output. */
static void test_entropy_mix(void **state)
{
	struct entropy_pool first = {{0}};
	u8 input[100] = {0};
	u64 expected;

	(void)state;
	entropy_mix(&first, input, sizeof(input));
	expected = entropy_draw_u64(&first);
	for (u32 bit = 0; bit < 8 * sizeof(input); bit++) {
		struct entropy_pool pool = {{0}};

		input[bit / 8] ^= (u8)(1 << bit % 8);
		entropy_mix(&pool, input, sizeof(input));
		assert_true(entropy_draw_u64(&pool) != expected);
		input[bit / 8] ^= (u8)(1 << bit % 8);
	}
}

/* The length counts: fewer of the same (zero) bytes are a different input. */
static void test_entropy_length(void **state)
{
	static const u8 zero[32];
	struct entropy_pool a = {{0}};
	struct entropy_pool b = {{0}};

	(void)state;
	entropy_mix(&a, zero, 31);
	entropy_mix(&b, zero, 32);
	assert_memory_not_equal(a.key, b.key, sizeof(a.key));
}

/* Every draw replaces the key, and none of it shows in the output. */
static void test_entropy_draw(void **state)
{
	struct entropy_pool pool = {{7}};
	u8 output[96];
	u8 key[32];

	(void)state;
	for (u32 i = 0; i < 100; i++) {
		memcpy(key, pool.key, sizeof(key));
		entropy_draw(&pool, output, sizeof(output));
		assert_memory_not_equal(key, pool.key, sizeof(key));
		for (u32 at = 0; at < sizeof(output); at += 32)
			assert_memory_not_equal(output + at, pool.key, sizeof(key));
		assert_memory_not_equal(output, output + 32, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quarter_round),  cmocka_unit_test(test_block),
		cmocka_unit_test(test_block_zero),     cmocka_unit_test(test_entropy_mix),
		cmocka_unit_test(test_entropy_length), cmocka_unit_test(test_entropy_draw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
