/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/x86/decode.h"

#define UNDEFINED_RESULT (~0ull) /* more than the flags is undefined */

/* Shifts and rotates by `count`. */
static u64 undefined_after_shift(const struct x86_instruction *in, u32 count, bool rotate)
{
	u32 bits = in->opcode & 1 ? 8u * in->operand_bytes : 8;
	u64 flags = 0;

	count &= bits == 64 ? 63 : 31;
	if (count == 0)
		return 0;
	if (count > 1)
		flags |= RFLAGS_OF;
	if (!rotate)
		flags |= RFLAGS_AF | (count >= bits ? RFLAGS_CF : 0);
	return flags;
}

static u64 undefined_primary(const struct x86_instruction *in, u64 rcx)
{
	u8 group = in->reg & 7;
	bool repeat = in->prefixes & (X86_PREFIX_REP | X86_PREFIX_REPNE);

	switch (in->opcode) {
	case 0xa4 ... 0xa7: /* REP, count 0, 32-bit addresses: some CPUs clear upper halves */
	case 0xaa ... 0xaf:
		return repeat && in->address_bytes == 4 && (u32)rcx == 0 ? UNDEFINED_RESULT : 0;
	case 0x08 ... 0x0d: /* OR, AND, XOR, TEST */
	case 0x20 ... 0x25:
	case 0x30 ... 0x35:
	case 0x84 ... 0x85:
	case 0xa8 ... 0xa9:
		return RFLAGS_AF;
	case 0x80 ... 0x83:
		return group == 1 || group == 4 || group == 6 ? RFLAGS_AF : 0;
	case 0x69:
	case 0x6b:
		return RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF;
	case 0xc0 ... 0xc1:
		return undefined_after_shift(in, (u8)in->immediate, group < 4);
	case 0xd0 ... 0xd1:
		return undefined_after_shift(in, 1, group < 4);
	case 0xd2 ... 0xd3:
		return undefined_after_shift(in, (u8)rcx, group < 4);
	case 0xf6 ... 0xf7:
		if (group < 2)
			return RFLAGS_AF;
		if (group == 4 || group == 5)
			return RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF;
		return group > 5 ? FLAGS_ARITHMETIC : 0;
	case 0xff: /* near CALL and JMP with 66: 2 bytes on AMD, 8 on Intel */
		return (group == 2 || group == 4) && in->prefixes & X86_PREFIX_OPERAND
			       ? UNDEFINED_RESULT
			       : 0;
	default:
		return 0;
	}
}

static u64 undefined_0f(const struct x86_instruction *in, u64 rcx)
{
	bool repeat = in->prefixes & X86_PREFIX_REP;
	u32 count = (u8)(in->opcode & 1 ? rcx : in->immediate);

	switch (in->opcode) {
	case 0x01: /* SMSW, which depends on UMIP */
	case 0xae: /* CLFLUSH checks the address */
		return UNDEFINED_RESULT;
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xba:
	case 0xbb:
		return RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF;
	case 0xa4 ... 0xa5:
	case 0xac ... 0xad:
		count &= in->operand_bytes == 8 ? 63 : 31;
		if (count > 8u * in->operand_bytes)
			return UNDEFINED_RESULT;
		return count == 0 ? 0 : RFLAGS_AF | (count > 1 ? RFLAGS_OF : 0);
	case 0xaf:
		return RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF;
	case 0xbc ... 0xbd:
		return FLAGS_ARITHMETIC & ~(RFLAGS_ZF | (repeat ? RFLAGS_CF : 0));
	default:
		return 0;
	}
}

/* The flags that an instruction leaves undefined; UNDEFINED_RESULT: more than flags. */
static u64 undefined_flags(const struct x86_instruction *in, u64 rcx)
{
	if (in->encoding == X86_VEX && in->map == X86_MAP_0F38 && in->opcode >= 0xf2 &&
	    in->vector_prefix == 0) /* BMI; BEXTR leaves SF open too */
		return RFLAGS_AF | RFLAGS_PF | (in->opcode == 0xf7 ? RFLAGS_SF : 0);
	if (in->encoding != X86_LEGACY)
		return 0;
	if (in->map == X86_MAP_PRIMARY)
		return undefined_primary(in, rcx);
	return in->map == X86_MAP_0F ? undefined_0f(in, rcx) : 0;
}
