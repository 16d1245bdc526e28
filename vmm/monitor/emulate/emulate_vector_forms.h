/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/x86/decode.h"

/* The moves of MMX, SSE and AVX that are emulated, by opcode: SDM vol. 2, APM vol. 4. */

enum vector_kind {
	V_FULL,	     /* all of the vector's length */
	V_SCALAR,    /* `bytes` of memory, above them zeros */
	V_GENERAL,   /* likewise, of 4 or 8 bytes by the operand size */
	V_LOW,	     /* the low half of 16 bytes, the other half of another register or kept */
	V_HIGH,	     /* the high half */
	V_EVEN,	     /* the even elements of `bytes`, each twice */
	V_ODD,	     /* the odd ones */
	V_BROADCAST, /* `bytes`, as often as they fit */
	V_ELEMENT,   /* one of `bytes` that the immediate selects, in 16 */
	V_SINGLE,    /* INSERTPS: one of 4 bytes, and zeros in others */
	V_LANE,	     /* one of `bytes`, in all of the register */
	V_SIGNED,    /* elements of `bytes`, extended so as to fill the vector */
	V_UNSIGNED,
	V_MASKED,      /* elements of `bytes` whose sign another register has set */
	V_BYTES,       /* MASKMOVDQU: bytes likewise, to DS:RDI */
	V_MMX,	       /* 8 bytes */
	V_MMX_GENERAL, /* 4 or 8 by the operand size */
	V_MMX_ELEMENT,
	V_MMX_BYTES,
};

enum vector_trait {
	V_STORE = 1 << 0,
	V_ALIGNED = 1 << 1,	/* else #GP, in every encoding */
	V_WIDE = 1 << 2,	/* `bytes` doubles with REX.W */
	V_LONG = 1 << 3,	/* #UD with 128 bits */
	V_SHORT = 1 << 4,	/* #UD with more */
	V_OLD_ALIGNED = 1 << 5, /* as V_ALIGNED, without VEX and EVEX */
};

/* Mandatory prefixes as VEX.pp has them: none, 66, F3, F2. */
enum { NP = 1 << 0, P66 = 1 << 1, PF3 = 1 << 2, PF2 = 1 << 3 };

/* Which encodings there are, by enum x86_encoding. */
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
	u8 times; /* V_SIGNED, V_UNSIGNED: the factor by which elements grow */
};

/* NULL: no such move. */
const struct vector_form *vector_form_of(const struct x86_instruction *in);

static inline bool vector_form_is_mmx(const struct vector_form *form)
{
	return form->kind >= V_MMX;
}

/* Forms whose memory operand is implied (DS:RDI), not named by ModRM. */
static inline bool vector_form_is_implied(const struct vector_form *form)
{
	return form->kind == V_BYTES || form->kind == V_MMX_BYTES;
}
