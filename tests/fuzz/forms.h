/* SPDX-License-Identifier: MIT */
#pragma once

/* Encodes instructions from the tables of forms, with operands from the input. */
#include "tests/fuzz/fuzz.h"

struct bytes {
	u8 byte[X86_LENGTH_MAX];
	u32 count;
};

/* Instructions of emulate_0f.c, emulate_bits.c and emulate_system.c, encoded as vector_forms. */
static const struct vector_form bit_forms[] = {
	{X86_MAP_0F, 0x00, NP, FORM_L, 0, 0, 0, 0},	  /* SLDT, STR, LLDT, LTR */
	{X86_MAP_0F, 0x01, NP | P66, FORM_L, 0, 0, 0, 0}, /* SGDT, SIDT, LGDT, LIDT, SMSW, LMSW */
	{X86_MAP_0F, 0xb2, NP | P66, FORM_L, 0, 0, 0, 0}, /* LSS */
	{X86_MAP_0F, 0x44, NP | P66, FORM_L, 0, 0, 0, 0}, /* CMOV */
	{X86_MAP_0F, 0x9d, NP, FORM_L, 0, 0, 0, 0},	  /* SET */
	{X86_MAP_0F, 0xa3, NP | P66, FORM_L, 0, 0, 0, 0}, /* BT, BTS, BTR, BTC */
	{X86_MAP_0F, 0xab, NP | P66, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xb3, NP | P66, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xba, NP | P66, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xa5, NP | P66, FORM_L, 0, 0, 0, 0}, /* SHLD, SHRD */
	{X86_MAP_0F, 0xac, NP | P66, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xaf, NP | P66, FORM_L, 0, 0, 0, 0}, /* IMUL */
	{X86_MAP_0F, 0xb0, NP, FORM_L, 0, 0, 0, 0},	  /* CMPXCHG */
	{X86_MAP_0F, 0xb1, NP | P66, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xbe, NP | P66, FORM_L, 0, 0, 0, 0}, /* MOVSX, MOVZX */
	{X86_MAP_0F, 0xb7, NP | P66, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xc1, NP | P66, FORM_L, 0, 0, 0, 0}, /* XADD */
	{X86_MAP_0F, 0xb8, PF3, FORM_L, 0, 0, 0, 0},	  /* POPCNT */
	{X86_MAP_0F, 0xbc, NP | P66 | PF3, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xbd, NP | P66 | PF3, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F, 0xc3, NP, FORM_L, 0, 0, 0, 0},		  /* MOVNTI */
	{X86_MAP_0F, 0xc7, NP, FORM_L, 0, 0, 0, 0},		  /* CMPXCHG8B, CMPXCHG16B */
	{X86_MAP_0F38, 0xf0, NP | P66 | PF2, FORM_L, 0, 0, 0, 0}, /* MOVBE, CRC32 */
	{X86_MAP_0F38, 0xf1, NP | P66 | PF2, FORM_L, 0, 0, 0, 0},
	{X86_MAP_0F38, 0xf6, P66 | PF3, FORM_L, 0, 0, 0, 0},		/* ADCX, ADOX */
	{X86_MAP_0F38, 0xf9, NP, FORM_L, 0, 0, 0, 0},			/* MOVDIRI */
	{X86_MAP_0F38, 0xf2, NP, FORM_V, 0, 0, 0, 0},			/* ANDN */
	{X86_MAP_0F38, 0xf3, NP, FORM_V, 0, 0, 0, 0},			/* BLSR, BLSMSK, BLSI */
	{X86_MAP_0F38, 0xf5, NP | PF3 | PF2, FORM_V, 0, 0, 0, 0},	/* BZHI, PEXT, PDEP */
	{X86_MAP_0F38, 0xf6, PF2, FORM_V, 0, 0, 0, 0},			/* MULX */
	{X86_MAP_0F38, 0xf7, NP | P66 | PF3 | PF2, FORM_V, 0, 0, 0, 0}, /* BEXTR, SHLX, ... */
	{X86_MAP_0F3A, 0xf0, PF2, FORM_V, 0, 0, 0, 0},			/* RORX */
};

#define FORM_COUNT (ARRAY_COUNT(bit_forms) + ARRAY_COUNT(x87_forms) + ARRAY_COUNT(vector_forms))
_Static_assert(FORM_COUNT < 256, "a byte says which");

static void put(struct bytes *bytes, u32 byte)
{
	if (bytes->count < sizeof(bytes->byte))
		bytes->byte[bytes->count++] = (u8)byte;
}

/* The first set bit from number `from` on. */
static u32 some_bit(u32 set, u32 from)
{
	while (!(set >> (from & 7) & 1))
		from++;
	return from & 7;
}

/* W, R, X and B are bits 3 to 0 of `fields`, the length bits 5:4; `vector` is VEX.vvvv. */
static void put_opcode(struct bytes *bytes, const struct vector_form *form, u8 how, u8 fields,
		       u8 vector, bool is_64)
{
	static const u8 mandatory[] = {0, 0x66, 0xf3, 0xf2};
	u32 prefix = some_bit(form->prefixes, how >> 2 & 3);

	switch (some_bit(form->encodings, how & 3)) {
	case X86_LEGACY:
		if (prefix != 0)
			put(bytes, mandatory[prefix]);
		if (is_64 && fields & 15)
			put(bytes, 0x40 | (fields & 15));
		put(bytes, 0x0f);
		if (form->map != X86_MAP_0F)
			put(bytes, form->map == X86_MAP_0F38 ? 0x38 : 0x3a);
		break;
	case X86_VEX:
		put(bytes, 0xc4);
		put(bytes, (~fields & 7u) << 5 | (is_64 ? 0 : 0xc0) | form->map);
		put(bytes,
		    (fields & 8u) << 4 | (~vector & 15u) << 3 | (fields & 16u) >> 2 | prefix);
		break;
	default:
		put(bytes, 0x62);
		put(bytes, (~fields & 7u) << 5 | (is_64 ? ~vector >> 1 & 16 : 0xd0) | form->map);
		put(bytes, (fields & 8u) << 4 | (~vector & 15u) << 3 | 4 | prefix);
		put(bytes, (fields & 0x30u) << 1 | (~vector >> 1 & 8));
		break;
	}
	put(bytes, form->opcode);
}

/* Mostly with RBX as the base; ModRM.reg is `group` if that is 0 to 7. */
static void put_operand(struct bytes *bytes, struct fuzz *fuzz, u8 how, u32 group, bool implied)
{
	u8 modrm = fuzz_u8(fuzz);

	if (how & 0xc0)
		modrm = (modrm & 0x78) | GPR_RBX;
	if (group < 8)
		modrm = (u8)((modrm & 0xc7) | group << 3);
	put(bytes, implied ? modrm | 0xc0 : modrm);
	while (bytes->count < sizeof(bytes->byte))
		put(bytes, fuzz_u8(fuzz));
}

/* Puts the form of number `which`, below FORM_COUNT; the bytes after it may be anything. */
static void put_form(struct bytes *bytes, u32 which, bool is_64, struct fuzz *fuzz)
{
	u8 how = fuzz_u8(fuzz);
	u8 fields = fuzz_u8(fuzz);
	u8 vector = fuzz_u8(fuzz);
	const struct vector_form *form = vector_forms;

	if (which < ARRAY_COUNT(x87_forms)) {
		if (is_64 && fields & 15)
			put(bytes, 0x40 | (fields & 15));
		put(bytes, x87_forms[which].opcode);
		put_operand(bytes, fuzz, how, x87_forms[which].group, false);
		return;
	}
	which -= ARRAY_COUNT(x87_forms);
	if (which < ARRAY_COUNT(bit_forms)) {
		put_opcode(bytes, &bit_forms[which], how, fields & 0xf, vector, is_64);
		put_operand(bytes, fuzz, how, 8, false);
		return;
	}
	form = &vector_forms[which - ARRAY_COUNT(bit_forms)];
	put_opcode(bytes, form, how, fields, vector, is_64);
	put_operand(bytes, fuzz, how, 8, vector_form_is_implied(form));
}
