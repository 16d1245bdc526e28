/* SPDX-License-Identifier: MIT */
#pragma once

/* An x86 instruction taken apart: prefixes, opcode, operands and length. */
#include "vmm/monitor/x86/prefix.h"

enum x86_status {
	X86_OK,
	X86_INCOMPLETE, /* the bytes end inside the instruction */
	X86_TOO_LONG,	/* the instruction would need more than X86_LENGTH_MAX bytes: #GP */
	/* the mode has no such opcode, or the opcode forbids the prefixes before it: #UD */
	X86_INVALID,
};

enum x86_encoding { X86_LEGACY, X86_VEX, X86_EVEX, X86_XOP };

/* Opcode maps, by the numbers that VEX, EVEX and XOP give them. */
enum x86_map {
	X86_MAP_PRIMARY = 0,
	X86_MAP_0F = 1,
	X86_MAP_0F38 = 2,
	X86_MAP_0F3A = 3,
};

/* Register numbers are the encoding's: 0 RAX to 15 R15; vector registers up to 31. */
enum x86_register {
	X86_REG_RIP = 0xfe, /* as a base register: the address of the next instruction */
	X86_REG_NONE = 0xff,
};

struct x86_instruction {
	u8 length;
	u8 prefixes; /* enum x86_prefix */
	u8 segment;  /* the segment register of the override prefix, or X86_SEGMENT_NONE */
	/*
	 * the REX prefix, 40-4f, or 0 for none; for VEX, EVEX, XOP their bits W, R, X, B in the
	 * same form
	 */
	u8 rex;
	u8 encoding; /* enum x86_encoding */
	u8 map;	     /* enum x86_map */
	u8 opcode;   /* for 3DNow! (0f 0f) the last byte is the immediate instead */

	/*
	 * the operand size: 2, 4 or 8 bytes, for instructions that have no operand size of their
	 * own
	 */
	u8 operand_bytes;
	u8 address_bytes; /* the address size: 2, 4 or 8 bytes */

	/* The fields of VEX, EVEX and XOP: */
	u8 vector_prefix;   /* pp, the mandatory prefix: 0: none, 1: 66, 2: f3, 3: f2 */
	u8 vector_length;   /* L or L'L, the vector's bits: 0: 128, 1: 256, 2: 512 */
	u8 vector_register; /* vvvv, as a register number */
	bool vector_wide;   /* W, also outside of 64-bit code, where `rex` has none */
	u8 evex_mask;	    /* byte 3 of EVEX as it stands: z, L'L, b, V', aaa */

	bool has_modrm;
	u8 mod;
	u8 reg; /* ModRM.reg extended by REX.R */
	u8 rm;	/* ModRM.rm extended by REX.B; a register if mod is 3 */
	/* The memory operand, if mod is not 3; base and index may be X86_REG_NONE. */
	u8 base;
	u8 index;
	u8 scale; /* the index's scale as a shift: 0 to 3 */
	u8 displacement_bytes;
	/*
	 * the displacement of the address; an 8-bit displacement of EVEX is as it stands, not
	 * scaled
	 */
	s32 displacement;

	u8 immediate_bytes; /* the size in bytes of both immediates together */
	u16 immediate2; /* the second immediate: a far pointer's selector, ENTER's level, EXTRQ's
			   and INSERTQ's second byte */
	/* the immediate, sign-extended, except for RET, ENTER, moffs and far pointers */
	u64 immediate;
};

/*
 * Decodes the instruction at bytes[0..available), of which it reads at most X86_LENGTH_MAX. *out is
 * defined only when the result is X86_OK. What it accepts may still be #UD on a CPU: it knows
 * lengths and operands, not every undefined opcode.
 */
enum x86_status x86_decode(const u8 *bytes, size_t available, enum x86_mode mode,
			   struct x86_instruction *out);

/* Returns whether the instruction has a memory operand named by ModRM. */
static inline bool x86_has_memory(const struct x86_instruction *instruction)
{
	return instruction->has_modrm && instruction->mod != 3;
}
