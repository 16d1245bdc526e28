/* SPDX-License-Identifier: MIT */
/*
 * Computes CRC32C, by the CPU's instruction where there is one. Called for saved states and backups
 * by monitors, and for stores by disk drivers.
 */
#include "vmm/rt/crc32c.h"

#include "lib/bits.h"

/* CRC32C of each half byte, by the reflected polynomial 0x82f63b78. */
static const u32 check_table[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

#define CPUID_1_ECX_CRC32 (1u << 20) /* SSE4.2; its CRC32 needs no vector register */

static bool crc32c_cpu_has_it(void)
{
	static enum { NOT_ASKED, NO, YES } answer;
	u32 eax = 1;
	u32 ecx = 0;

	if (answer == NOT_ASKED) {
		asm volatile("cpuid" : "+a"(eax), "+c"(ecx) : : "rbx", "rdx");
		answer = (ecx & CPUID_1_ECX_CRC32) != 0 ? YES : NO;
	}
	return answer == YES;
}

/* Eight bytes at any alignment, read by one instruction; memcpy would be a call without a libc. */
struct crc32c_word {
	u64 value;
} __attribute__((packed, may_alias));

static u32 crc32c_words(u32 check, const u8 *at, size_t count)
{
	const struct crc32c_word *word = (const void *)at;
	u64 sum = check;

#pragma GCC unroll 8 /* for speed: a clone's monitor checks its whole state here, twice */
	for (size_t i = 0; i < count; i++)
		asm("crc32q %1, %0" : "+r"(sum) : "rm"(word[i].value));
	return (u32)sum;
}

u32 crc32c(u32 so_far, const void *bytes, size_t count)
{
	const u8 *at = bytes;
	u32 check = ~so_far;

	if (count >= sizeof(u64) && crc32c_cpu_has_it()) {
		check = crc32c_words(check, at, count / sizeof(u64));
		at += align_down(count, sizeof(u64));
		count %= sizeof(u64);
	}
	for (size_t i = 0; i < count; i++) {
		check ^= at[i];
		check = check >> 4 ^ check_table[check & 15];
		check = check >> 4 ^ check_table[check & 15];
	}
	return ~check;
}
