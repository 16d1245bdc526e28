/* SPDX-License-Identifier: MIT */
#include "lib/x86/length.h"

/* Bytes of the opcode at `bytes`, which starts behind the prefixes; 0 when it is none of ours. */
static size_t opcode_length(const u8 *bytes, size_t available)
{
	if (available >= 1 && (bytes[0] == 0xf4 || bytes[0] == 0x90)) /* HLT, PAUSE */
		return 1;
	if (available < 2 || bytes[0] != 0x0f)
		return 0;
	switch (bytes[1]) {
	case 0x08: /* INVD */
	case 0x09: /* WBINVD */
	case 0x30: /* WRMSR */
	case 0x31: /* RDTSC */
	case 0x32: /* RDMSR */
	case 0x33: /* RDPMC */
	case 0xa2: /* CPUID */
		return 2;
	case 0x01:
		break;
	default:
		return 0;
	}
	if (available < 3)
		return 0;
	switch (bytes[2]) {
	case 0xc1: /* VMCALL */
	case 0xc8: /* MONITOR */
	case 0xc9: /* MWAIT */
	case 0xd1: /* XSETBV */
	case 0xd9: /* VMMCALL */
	case 0xf9: /* RDTSCP */
		return 3;
	default:
		return 0;
	}
}

size_t x86_length_of_exit(const u8 *bytes, size_t available, enum x86_mode mode)
{
	struct x86_prefixes prefixes;
	size_t limit = MIN(available, X86_LENGTH_MAX);
	size_t length;

	x86_scan_prefixes(bytes, limit, mode, &prefixes);
	/*@ split prefixes.count; */ /* make verify */
	length = opcode_length(bytes + prefixes.count, limit - prefixes.count);
	if (length == 0)
		return 0;
	/* 90 is PAUSE with REP only, and XCHG R8 with REX.B. */
	if (bytes[prefixes.count] == 0x90 &&
	    (!(prefixes.flags & X86_PREFIX_REP) || prefixes.rex & 1))
		return 0;
	return prefixes.count + length;
}
