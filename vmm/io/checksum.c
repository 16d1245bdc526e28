/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071). Called by the switch for frames whose checksum the sender has
 * left open, and by monitors that answer DHCP; touches only the bytes it is given.
 */
#include "vmm/io/checksum.h"

static u64 checksum_add_carry(u64 sum, u64 word)
{
	sum += word;
	return sum + (sum < word);
}

u64 checksum_add(u64 sum, const u8 *data, u32 bytes)
{
	u64 word;

	for (; bytes >= 32; bytes -= 32, data += 32)
		__asm__("addq (%1), %0; adcq 8(%1), %0; adcq 16(%1), %0; adcq 24(%1), %0; "
			"adcq $0, %0"
			: "+r"(sum)
			: "r"(data), "m"(*(const u8(*)[32])data)
			: "cc");
	for (; bytes >= sizeof(word); bytes -= (u32)sizeof(word), data += sizeof(word)) {
		__builtin_memcpy(&word, data, sizeof(word));
		sum = checksum_add_carry(sum, word);
	}
	word = 0;
	for (u32 i = 0; i < bytes; i++)
		word |= (u64)data[i] << 8 * i;
	return checksum_add_carry(sum, word);
}

u16 checksum_fold(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)((sum & 0xffff) + (sum >> 16));
}

void checksum_put(u8 *at, u64 sum)
{
	u16 result = (u16)~checksum_fold(sum);

	if (result == 0)
		result = 0xffff;
	__builtin_memcpy(at, &result, sizeof(result));
}
