/* SPDX-License-Identifier: MIT */
/* What the decoder finds besides an instruction's length, and the length that ring 0 finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/virt/svm/length.h"
#include "vmm/monitor/x86/tables.h"
#include "vmm/monitor/x86/prefix.h"
#include "vmm/monitor/x86/decode.c"
#include "lib/bits.h"

static struct x86_instruction in;

#define DECODE(text, mode) x86_decode((const u8 *)(text), sizeof(text) - 1, X86_MODE_##mode, &in)

static void assert_memory(u8 base, u8 index, u8 scale, s32 displacement)
{
	assert_true(x86_has_memory(&in));
	assert_int_equal(in.base, base);
	assert_int_equal(in.index, index);
	assert_int_equal(in.scale, scale);
	assert_int_equal(in.displacement, displacement);
}

static void test_prefixes(void **state)
{
	assert_int_equal(DECODE("\xf2\xf3\x64\x2e\x66\x67\xf0\x4d\x01\x03", 64), X86_OK);
	assert_int_equal(in.prefixes, X86_PREFIX_REP | X86_PREFIX_OPERAND | X86_PREFIX_ADDRESS |
					      X86_PREFIX_LOCK);
	assert_int_equal(in.segment, 4); /* CS is ignored in 64-bit mode */
	assert_int_equal(in.rex, 0x4d);
	assert_int_equal(in.operand_bytes, 8);
	assert_int_equal(in.address_bytes, 4);
	assert_int_equal(in.reg, 8);
	assert_memory(11, X86_REG_NONE, 0, 0);

	assert_int_equal(DECODE("\x2e\x65\x26\x8b\x07", 32), X86_OK);
	assert_int_equal(in.segment, 0); /* the last prefix counts */

	/* REX followed by another prefix is ignored */
	assert_int_equal(DECODE("\x48\x66\x8b\x03", 64), X86_OK);
	assert_int_equal(in.rex, 0);
	assert_int_equal(in.operand_bytes, 2);
	assert_int_equal(DECODE("\x48\x44\x8b\x03", 64), X86_OK);
	assert_int_equal(in.rex, 0x44);
}

static void test_memory_64(void **state)
{
	assert_int_equal(DECODE("\x8b\x05\xfc\xff\xff\xff", 64), X86_OK);
	assert_memory(X86_REG_RIP, X86_REG_NONE, 0, -4);
	assert_int_equal(DECODE("\x8b\x04\x25\x00\x00\x00\x80", 64), X86_OK);
	assert_memory(X86_REG_NONE, X86_REG_NONE, 0, INT32_MIN);
	assert_int_equal(DECODE("\x43\x8b\x44\xa5\x80", 64), X86_OK); /* [R13 + R12*4 - 80] */
	assert_memory(13, 12, 2, -128);
	assert_int_equal(DECODE("\x41\x8b\x04\x24", 64), X86_OK); /* the base is R12 */
	assert_memory(12, X86_REG_NONE, 0, 0);
	assert_int_equal(DECODE("\x42\x8b\x04\xe5\x10\x00\x00\x00", 64), X86_OK); /* [R12*8 + 10] */
	assert_memory(X86_REG_NONE, 12, 3, 16);
	assert_int_equal(DECODE("\x8b\x05\x10\x00\x00\x00", 32), X86_OK);
	assert_memory(X86_REG_NONE, X86_REG_NONE, 0, 16);
	assert_int_equal(DECODE("\x0f\x20\x18", 64), X86_OK); /* MOV RAX, CR3, mod ignored */
	assert_int_equal(in.mod, 3);
	assert_int_equal(in.reg, 3);
	assert_int_equal(in.rm, 0);
}

static void test_memory_16(void **state)
{
	static const u8 base[] = {3, 3, 5, 5, X86_REG_NONE, X86_REG_NONE, 5, 3};
	static const u8 index[] = {6, 7, 6, 7, 6, 7, X86_REG_NONE, X86_REG_NONE};

	for (u8 rm = 0; rm < 8; rm++) {
		u8 bytes[4] = {0x8b, (u8)(0x80 | rm), 0x34, 0x82};

		assert_int_equal(x86_decode(bytes, 4, X86_MODE_16, &in), X86_OK);
		assert_memory(base[rm], index[rm], 0, (s16)0x8234);
		assert_int_equal(in.length, 4);
	}
	assert_int_equal(DECODE("\x8b\x06\x34\x12", 16), X86_OK);
	assert_memory(X86_REG_NONE, X86_REG_NONE, 0, 0x1234);
	assert_int_equal(DECODE("\x67\x66\x8b\x04\x8b", 16), X86_OK);
	assert_memory(3, 1, 2, 0);
	assert_int_equal(in.operand_bytes, 4);
}

static void test_immediates(void **state)
{
	assert_int_equal(DECODE("\x48\xb8\x88\x77\x66\x55\x44\x33\x22\x11", 64), X86_OK);
	assert_int_equal(in.immediate, 0x1122334455667788);
	assert_int_equal(DECODE("\x48\x81\xc0\xfe\xff\xff\xff", 64), X86_OK);
	assert_int_equal(in.immediate, -2);
	assert_int_equal(DECODE("\x66\x83\xc0\x80", 64), X86_OK);
	assert_int_equal(in.immediate, -128);
	assert_int_equal(DECODE("\xa1\xf0\xff\xff\xff\xff\xff\xff\x80", 64), X86_OK);
	assert_int_equal(in.immediate, 0x80fffffffffffff0);
	assert_int_equal(DECODE("\x67\xa1\xf0\xff\xff\xff", 64), X86_OK);
	assert_int_equal(in.immediate, 0xfffffff0);
	assert_int_equal(DECODE("\xea\x78\x56\x34\x92\x10\xf0", 32), X86_OK);
	assert_int_equal(in.immediate, 0x92345678);
	assert_int_equal(in.immediate2, 0xf010);
	assert_int_equal(DECODE("\xc8\xf0\xff\x1f", 64), X86_OK);
	assert_int_equal(in.immediate, 0xfff0);
	assert_int_equal(in.immediate2, 0x1f);
	assert_int_equal(DECODE("\xf7\xc0\x01\x00\x00\x00", 64), X86_OK);
	assert_int_equal(in.length, 6);
	assert_int_equal(DECODE("\xf7\xd0", 64), X86_OK);
	assert_int_equal(in.immediate_bytes, 0);
}

static void test_vector_encodings(void **state)
{
	/* VMOVDQU YMM10, [R9 + RAX] */
	assert_int_equal(DECODE("\xc4\x41\x7e\x6f\x14\x01", 64), X86_OK);
	assert_int_equal(in.encoding, X86_VEX);
	assert_int_equal(in.map, X86_MAP_0F);
	assert_int_equal(in.opcode, 0x6f);
	assert_int_equal(in.reg, 10);
	assert_int_equal(in.vector_length, 1);
	assert_int_equal(in.vector_prefix, 2);
	assert_memory(9, 0, 0, 0);
	/* VPXOR XMM1, XMM14, XMM3 */
	assert_int_equal(DECODE("\xc5\x89\xef\xcb", 64), X86_OK);
	assert_int_equal(in.vector_register, 14);
	assert_int_equal(in.reg, 1);
	/* VPADDD ZMM17{K2}{z}, ZMM30, [RAX + 40] */
	assert_int_equal(DECODE("\x62\xe1\x0d\xc2\xfe\x48\x01", 64), X86_OK);
	assert_int_equal(in.encoding, X86_EVEX);
	assert_int_equal(in.reg, 17);
	assert_int_equal(in.vector_register, 30);
	assert_int_equal(in.vector_length, 2);
	assert_int_equal(in.evex_mask, 0xc2);
	/* LDS, LES, BOUND where they exist */
	assert_int_equal(DECODE("\xc5\x07", 32), X86_OK);
	assert_int_equal(in.encoding, X86_LEGACY);
	assert_int_equal(DECODE("\x62\x07", 16), X86_OK);
	assert_int_equal(in.length, 2);
	/* XOP and POP share opcode 8f */
	assert_int_equal(DECODE("\x8f\xe9\x78\x81\xc1", 64), X86_OK);
	assert_int_equal(in.encoding, X86_XOP);
	assert_int_equal(in.map, 9);
	assert_int_equal(DECODE("\x8f\x07", 64), X86_OK);
	assert_int_equal(in.encoding, X86_LEGACY);
}

static void test_refusals(void **state)
{
	static const u8 long_one[16] = {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90};
	static const char gone[] = "\x06\x07\x0e\x16\x17\x1e\x1f\x27\x2f\x37\x3f\x60\x61\x82\x9a"
				   "\xce\xd4\xd5\xd6\xea"; /* invalid in 64-bit mode */

	assert_int_equal(x86_decode(long_one, 16, X86_MODE_64, &in), X86_TOO_LONG);
	assert_int_equal(x86_decode(long_one + 1, 15, X86_MODE_64, &in), X86_OK);
	assert_int_equal(x86_decode(long_one, 14, X86_MODE_64, &in), X86_INCOMPLETE);
	assert_int_equal(x86_decode(long_one, 0, X86_MODE_64, &in), X86_INCOMPLETE);
	for (u32 i = 0; i < sizeof(gone) - 1; i++) {
		u8 bytes[8] = {(u8)gone[i]};

		assert_int_equal(x86_decode(bytes, 8, X86_MODE_32, &in), X86_OK);
		assert_int_equal(x86_decode(bytes, 8, X86_MODE_64, &in), X86_INVALID);
	}
	assert_int_equal(DECODE("\x0f\x04", 64), X86_INVALID);
	assert_int_equal(DECODE("\x66\xc5\xf8\x77", 64), X86_INVALID);
	assert_int_equal(DECODE("\x48\xc5\xf8\x77", 64), X86_INVALID);
	/* map 0 does not exist */
	assert_int_equal(DECODE("\xc4\xe0\x78\x77\xc0", 64), X86_INVALID);
}

/* An instruction cut short is reported as incomplete, and nothing past its end is read. */
static void test_incomplete(void **state)
{
	u64 random = 1;
	u32 complete = 0;

	for (u32 i = 0; i < 200000; i++) {
		u8 bytes[X86_LENGTH_MAX] = {0};
		enum x86_mode mode = (enum x86_mode)(i % 3);

		for (size_t j = 0; j < sizeof(bytes); j++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			bytes[j] = (u8)(random >> 56);
		}
		if (x86_decode(bytes, sizeof(bytes), mode, &in) != X86_OK)
			continue;
		complete++;
		for (u8 cut = 0; cut < in.length; cut++) {
			u8 exact[X86_LENGTH_MAX];
			struct x86_instruction part;
			u8 *end = exact + sizeof(exact) - cut; /* ASan guards the array's end */

			memcpy(end, bytes, cut);
			assert_int_equal(x86_decode(end, cut, mode, &part), X86_INCOMPLETE);
		}
	}
	assert_true(complete > 100000);
}

/* The instruction's first byte is the word's lowest. */
static void test_length_of_exit(void **state)
{
	assert_int_equal(svm_length_of_exit(0xa20f), 2);
	assert_int_equal(svm_length_of_exit(0xffffffffffff300f), 2);
	assert_int_equal(svm_length_of_exit(0x90909090d9010f), 3);
	assert_int_equal(svm_length_of_exit(0xc1010f), 0); /* VMCALL has no length in the exit */
	assert_int_equal(svm_length_of_exit(0xfff4), 1);
	assert_int_equal(svm_length_of_exit(0xa20f48), 0);
	assert_int_equal(svm_length_of_exit(0), 0);
}

/* For what svm_length_of_exit recognises, the decoder finds the same length. */
static void test_length_finder_agrees(void **state)
{
	u64 random = 7;
	u32 found = 0;

	for (u32 i = 0; i < 3000000; i++) {
		static const u8 starts[] = {0x0f, 0x0f, 0x0f, 0x66, 0xf3, 0x48, 0xf4, 0x90};
		u8 bytes[X86_LENGTH_MAX] = {0};
		enum x86_mode mode = (enum x86_mode)(i % 3);
		u64 word;
		u32 length;

		random = random * 6364136223846793005 + 1442695040888963407;
		bytes[0] = starts[random >> 61];
		bytes[1] = starts[random >> 58 & 7];
		for (u32 j = 2; j < 6; j++)
			bytes[j] = (u8)(random >> (8 * j));
		if (random & BIT(57))
			bytes[1] = (u8)(random >> 16);
		if (random & BIT(56))
			memcpy(bytes, "\x0f\x01\xd9", 3);
		memcpy(&word, bytes, sizeof(word));
		length = svm_length_of_exit(word);
		if (length == 0)
			continue;
		found++;
		assert_int_equal(x86_decode(bytes, sizeof(bytes), mode, &in), X86_OK);
		assert_int_equal(in.length, length);
	}
	assert_true(found > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_memory_64),
		cmocka_unit_test(test_memory_16),
		cmocka_unit_test(test_immediates),
		cmocka_unit_test(test_vector_encodings),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_length_of_exit),
		cmocka_unit_test(test_length_finder_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
