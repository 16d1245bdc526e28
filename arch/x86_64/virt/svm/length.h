/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns the length of CPUID, RDMSR, WRMSR, VMMCALL or HLT, given the first eight bytes at RIP; 0
 * for any other instruction, and for one with prefixes, which these nearly never have.
 */
static inline u32 svm_length_of_exit(u64 bytes)
{
	if ((u16)bytes == 0xa20f || (u16)bytes == 0x320f || (u16)bytes == 0x300f)
		return 2;
	if ((bytes & 0xffffff) == 0xd9010f)
		return 3;
	return (u8)bytes == 0xf4 ? 1 : 0;
}
