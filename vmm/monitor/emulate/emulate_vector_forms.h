/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/x86/decode.h"

/* The moves of MMX, SSE and AVX that are emulated, by opcode: SDM vol. 2, APM vol. 4. */

enum vector_kind {
	V_FULL,	   /* moves the whole vector register */
	V_SCALAR,  /* moves `bytes` bytes of memory; a load sets the bytes above to zero */
	V_GENERAL, /* moves 4 or 8 bytes by the operand size; a load sets the bytes above to zero */
	/*
	 * moves the low half of 16 bytes; a loaded register's high half comes from a second
	 * register, or is kept
	 */
	V_LOW,
	V_HIGH,	     /* moves the high half of a register of 16 bytes */
	V_EVEN,	     /* loads the even elements of `bytes` bytes, each twice */
	V_ODD,	     /* loads the odd elements of `bytes` bytes, each twice */
	V_BROADCAST, /* loads `bytes` bytes and repeats these as often as they fit */
	/*
	 * moves one element of `bytes` bytes, which the immediate selects, of a register of 16
	 * bytes
	 */
	V_ELEMENT,
	V_SINGLE, /* INSERTPS: loads one element of 4 bytes, and sets other elements to zero */
	V_LANE,	  /* moves one lane of `bytes` bytes of the register */
	V_SIGNED, /* loads elements of `bytes` bytes, sign-extended so as to fill the vector */
	V_UNSIGNED,
	V_MASKED, /* moves elements of `bytes` bytes whose sign is set in another register */
	V_BYTES,  /* MASKMOVDQU: stores bytes whose sign is set in another register, to DS:RDI */
	V_MMX,	  /* moves 8 bytes of an MMX register */
	V_MMX_GENERAL, /* moves 4 or 8 bytes of an MMX register, by the operand size */
	V_MMX_ELEMENT,
	V_MMX_BYTES,
};

enum vector_trait {
	V_STORE = 1 << 0,
	V_ALIGNED = 1 << 1,	/* a misaligned operand is #GP, in every encoding */
	V_WIDE = 1 << 2,	/* REX.W doubles `bytes` */
	V_LONG = 1 << 3,	/* a vector of 128 bits is #UD */
	V_SHORT = 1 << 4,	/* a vector of more than 128 bits is #UD */
	V_OLD_ALIGNED = 1 << 5, /* a misaligned operand is #GP, except with VEX and EVEX */
};

/* The mandatory prefixes, as VEX.pp encodes them: none, 66, F3, F2. */
enum { NP = 1 << 0, P66 = 1 << 1, PF3 = 1 << 2, PF2 = 1 << 3 };

/* The encodings in which a move exists: bits by enum x86_encoding. */
enum {
	FORM_L = 1 << X86_LEGACY,
	FORM_V = 1 << X86_VEX,
	FORM_E = 1 << X86_EVEX,
	FORM_LV = FORM_L | FORM_V,
	FORM_VE = FORM_V | FORM_E,
	FORM_ALL = FORM_L | FORM_VE,
};

struct vector_form {
	u8 map;
	u8 opcode;
	u8 prefixes;
	u8 encodings;
	u8 kind;
	u8 bytes;
	u8 traits;
	u8 times; /* for V_SIGNED and V_UNSIGNED: the factor by which elements grow */
};

/* Returns the vector move that the instruction is; NULL if the table does not have it. */
const struct vector_form *vector_form_of(const struct x86_instruction *in);

static inline bool vector_form_is_mmx(const struct vector_form *form)
{
	return form->kind >= V_MMX;
}

/* Returns whether the memory operand is implied (DS:RDI), and not named by ModRM. */
static inline bool vector_form_is_implied(const struct vector_form *form)
{
	return form->kind == V_BYTES || form->kind == V_MMX_BYTES;
}
