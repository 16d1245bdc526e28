/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The longest instruction; any longer one raises #GP (SDM vol. 2, 2.3.11). */
#define X86_LENGTH_MAX 15u

/* The default operand and address size of the code segment. */
enum x86_mode { X86_MODE_16, X86_MODE_32, X86_MODE_64 };

enum x86_prefix {
	X86_PREFIX_LOCK = 1 << 0,    /* the prefix f0 */
	X86_PREFIX_REPNE = 1 << 1,   /* the prefix f2 */
	X86_PREFIX_REP = 1 << 2,     /* the prefix f3; the last of f2 and f3 counts */
	X86_PREFIX_OPERAND = 1 << 3, /* the prefix 66 */
	X86_PREFIX_ADDRESS = 1 << 4, /* the prefix 67 */
};

/* Segment overrides are numbered as the segment registers are: ES CS SS DS FS GS. */
#define X86_SEGMENT_NONE 0xffu

struct x86_prefixes {
	u8 count; /* the number of bytes of the prefixes, REX included */
	u8 flags; /* enum x86_prefix */
	/* the segment override, 0-5, or X86_SEGMENT_NONE; in 64-bit mode only FS and GS count */
	u8 segment;
	u8 rex; /* the REX prefix, 40-4f; 0: no REX prefix has an effect */
};

/*
 * Scans the prefixes at the start of an instruction; stops at the first other byte, at the end of
 * `bytes`, or after X86_LENGTH_MAX of them.
 */
void x86_scan_prefixes(const u8 *bytes, size_t available, enum x86_mode mode,
		       struct x86_prefixes *out);
