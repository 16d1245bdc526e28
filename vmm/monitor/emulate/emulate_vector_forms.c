/* SPDX-License-Identifier: MIT */
/*
 * The table of vector moves that the emulator knows. Called by emulate_vector.c; constant data
 * only.
 */
#include "vmm/monitor/emulate/emulate_vector_forms.h"
#include "lib/bits.h"

static const struct vector_form vector_forms[] = {
	{X86_MAP_0F, 0x10, NP | P66, FORM_ALL, V_FULL, 0, 0, 0}, /* MOVUPS, MOVUPD */
	{X86_MAP_0F, 0x11, NP | P66, FORM_ALL, V_FULL, 0, V_STORE, 0},
	{X86_MAP_0F, 0x10, PF3, FORM_ALL, V_SCALAR, 4, 0, 0}, /* MOVSS */
	{X86_MAP_0F, 0x11, PF3, FORM_ALL, V_SCALAR, 4, V_STORE, 0},
	{X86_MAP_0F, 0x10, PF2, FORM_ALL, V_SCALAR, 8, 0, 0}, /* MOVSD */
	{X86_MAP_0F, 0x11, PF2, FORM_ALL, V_SCALAR, 8, V_STORE, 0},
	{X86_MAP_0F, 0x12, NP | P66, FORM_ALL, V_LOW, 8, V_SHORT, 0}, /* MOVLPS, MOVLPD */
	{X86_MAP_0F, 0x13, NP | P66, FORM_ALL, V_LOW, 8, V_SHORT | V_STORE, 0},
	{X86_MAP_0F, 0x12, PF3, FORM_ALL, V_EVEN, 4, V_OLD_ALIGNED, 0}, /* MOVSLDUP */
	{X86_MAP_0F, 0x16, PF3, FORM_ALL, V_ODD, 4, V_OLD_ALIGNED, 0},	/* MOVSHDUP */
	{X86_MAP_0F, 0x12, PF2, FORM_ALL, V_EVEN, 8, 0, 0},		/* MOVDDUP */
	{X86_MAP_0F, 0x16, NP | P66, FORM_ALL, V_HIGH, 8, V_SHORT, 0},	/* MOVHPS, MOVHPD */
	{X86_MAP_0F, 0x17, NP | P66, FORM_ALL, V_HIGH, 8, V_SHORT | V_STORE, 0},
	{X86_MAP_0F, 0x28, NP | P66, FORM_ALL, V_FULL, 0, V_ALIGNED, 0}, /* MOVAPS, MOVAPD */
	{X86_MAP_0F, 0x29, NP | P66, FORM_ALL, V_FULL, 0, V_ALIGNED | V_STORE, 0},
	{X86_MAP_0F, 0x2b, NP | P66, FORM_ALL, V_FULL, 0, V_ALIGNED | V_STORE, 0}, /* MOVNTPS */
	{X86_MAP_0F, 0x2b, PF3, FORM_L, V_SCALAR, 4, V_STORE, 0},		   /* MOVNTSS */
	{X86_MAP_0F, 0x2b, PF2, FORM_L, V_SCALAR, 8, V_STORE, 0},		   /* MOVNTSD */
	{X86_MAP_0F, 0x6e, NP, FORM_L, V_MMX_GENERAL, 0, 0, 0},			   /* MOVD, MOVQ */
	{X86_MAP_0F, 0x7e, NP, FORM_L, V_MMX_GENERAL, 0, V_STORE, 0},
	{X86_MAP_0F, 0x6e, P66, FORM_ALL, V_GENERAL, 0, V_SHORT, 0},
	{X86_MAP_0F, 0x7e, P66, FORM_ALL, V_GENERAL, 0, V_SHORT | V_STORE, 0},
	{X86_MAP_0F, 0x7e, PF3, FORM_ALL, V_SCALAR, 8, V_SHORT, 0}, /* MOVQ */
	{X86_MAP_0F, 0xd6, P66, FORM_ALL, V_SCALAR, 8, V_SHORT | V_STORE, 0},
	{X86_MAP_0F, 0x6f, NP, FORM_L, V_MMX, 8, 0, 0}, /* MOVQ */
	{X86_MAP_0F, 0x7f, NP, FORM_L, V_MMX, 8, V_STORE, 0},
	{X86_MAP_0F, 0x6f, P66, FORM_ALL, V_FULL, 0, V_ALIGNED, 0}, /* MOVDQA */
	{X86_MAP_0F, 0x7f, P66, FORM_ALL, V_FULL, 0, V_ALIGNED | V_STORE, 0},
	{X86_MAP_0F, 0x6f, PF3, FORM_ALL, V_FULL, 0, 0, 0}, /* MOVDQU */
	{X86_MAP_0F, 0x7f, PF3, FORM_ALL, V_FULL, 0, V_STORE, 0},
	{X86_MAP_0F, 0x6f, PF2, FORM_E, V_FULL, 0, 0, 0}, /* VMOVDQU8, VMOVDQU16 */
	{X86_MAP_0F, 0x7f, PF2, FORM_E, V_FULL, 0, V_STORE, 0},
	{X86_MAP_0F, 0xe7, NP, FORM_L, V_MMX, 8, V_STORE, 0},		      /* MOVNTQ */
	{X86_MAP_0F, 0xe7, P66, FORM_ALL, V_FULL, 0, V_ALIGNED | V_STORE, 0}, /* MOVNTDQ */
	{X86_MAP_0F, 0xf0, PF2, FORM_LV, V_FULL, 0, 0, 0},		      /* LDDQU */
	{X86_MAP_0F, 0xf7, NP, FORM_L, V_MMX_BYTES, 8, V_STORE, 0},	      /* MASKMOVQ */
	{X86_MAP_0F, 0xf7, P66, FORM_LV, V_BYTES, 16, V_SHORT | V_STORE, 0},  /* MASKMOVDQU */
	{X86_MAP_0F, 0xc4, NP, FORM_L, V_MMX_ELEMENT, 2, 0, 0},		      /* PINSRW */
	{X86_MAP_0F, 0xc4, P66, FORM_ALL, V_ELEMENT, 2, V_SHORT, 0},
	{X86_MAP_0F38, 0x20, P66, FORM_ALL, V_SIGNED, 1, 0, 2}, /* PMOVSXBW */
	{X86_MAP_0F38, 0x21, P66, FORM_ALL, V_SIGNED, 1, 0, 4},
	{X86_MAP_0F38, 0x22, P66, FORM_ALL, V_SIGNED, 1, 0, 8},
	{X86_MAP_0F38, 0x23, P66, FORM_ALL, V_SIGNED, 2, 0, 2},
	{X86_MAP_0F38, 0x24, P66, FORM_ALL, V_SIGNED, 2, 0, 4},
	{X86_MAP_0F38, 0x25, P66, FORM_ALL, V_SIGNED, 4, 0, 2},
	{X86_MAP_0F38, 0x30, P66, FORM_ALL, V_UNSIGNED, 1, 0, 2}, /* PMOVZXBW */
	{X86_MAP_0F38, 0x31, P66, FORM_ALL, V_UNSIGNED, 1, 0, 4},
	{X86_MAP_0F38, 0x32, P66, FORM_ALL, V_UNSIGNED, 1, 0, 8},
	{X86_MAP_0F38, 0x33, P66, FORM_ALL, V_UNSIGNED, 2, 0, 2},
	{X86_MAP_0F38, 0x34, P66, FORM_ALL, V_UNSIGNED, 2, 0, 4},
	{X86_MAP_0F38, 0x35, P66, FORM_ALL, V_UNSIGNED, 4, 0, 2},
	{X86_MAP_0F38, 0x2a, P66, FORM_ALL, V_FULL, 0, V_ALIGNED, 0}, /* MOVNTDQA */
	{X86_MAP_0F38, 0x2c, P66, FORM_V, V_MASKED, 4, 0, 0},	      /* VMASKMOVPS */
	{X86_MAP_0F38, 0x2d, P66, FORM_V, V_MASKED, 8, 0, 0},	      /* VMASKMOVPD */
	{X86_MAP_0F38, 0x2e, P66, FORM_V, V_MASKED, 4, V_STORE, 0},
	{X86_MAP_0F38, 0x2f, P66, FORM_V, V_MASKED, 8, V_STORE, 0},
	{X86_MAP_0F38, 0x8c, P66, FORM_V, V_MASKED, 4, V_WIDE, 0}, /* VPMASKMOVD, VPMASKMOVQ */
	{X86_MAP_0F38, 0x8e, P66, FORM_V, V_MASKED, 4, V_WIDE | V_STORE, 0},
	{X86_MAP_0F38, 0x18, P66, FORM_VE, V_BROADCAST, 4, 0, 0}, /* VBROADCASTSS */
	{X86_MAP_0F38, 0x19, P66, FORM_VE, V_BROADCAST, 8, V_LONG, 0},
	{X86_MAP_0F38, 0x1a, P66, FORM_VE, V_BROADCAST, 16, V_LONG, 0},
	{X86_MAP_0F38, 0x1b, P66, FORM_E, V_BROADCAST, 32, V_LONG, 0},
	{X86_MAP_0F38, 0x58, P66, FORM_VE, V_BROADCAST, 4, 0, 0}, /* VPBROADCASTD */
	{X86_MAP_0F38, 0x59, P66, FORM_VE, V_BROADCAST, 8, 0, 0},
	{X86_MAP_0F38, 0x5a, P66, FORM_VE, V_BROADCAST, 16, V_LONG, 0},
	{X86_MAP_0F38, 0x5b, P66, FORM_E, V_BROADCAST, 32, V_LONG, 0},
	{X86_MAP_0F38, 0x78, P66, FORM_VE, V_BROADCAST, 1, 0, 0}, /* VPBROADCASTB */
	{X86_MAP_0F38, 0x79, P66, FORM_VE, V_BROADCAST, 2, 0, 0},
	{X86_MAP_0F3A, 0x14, P66, FORM_ALL, V_ELEMENT, 1, V_SHORT | V_STORE, 0}, /* PEXTRB */
	{X86_MAP_0F3A, 0x15, P66, FORM_ALL, V_ELEMENT, 2, V_SHORT | V_STORE, 0},
	/* PEXTRD, PEXTRQ */
	{X86_MAP_0F3A, 0x16, P66, FORM_ALL, V_ELEMENT, 4, V_SHORT | V_STORE | V_WIDE, 0},
	{X86_MAP_0F3A, 0x17, P66, FORM_ALL, V_ELEMENT, 4, V_SHORT | V_STORE, 0}, /* EXTRACTPS */
	{X86_MAP_0F3A, 0x20, P66, FORM_ALL, V_ELEMENT, 1, V_SHORT, 0},		 /* PINSRB */
	{X86_MAP_0F3A, 0x21, P66, FORM_ALL, V_SINGLE, 4, V_SHORT, 0},		 /* INSERTPS */
	{X86_MAP_0F3A, 0x22, P66, FORM_ALL, V_ELEMENT, 4, V_SHORT | V_WIDE, 0},
	{X86_MAP_0F3A, 0x18, P66, FORM_VE, V_LANE, 16, V_LONG, 0}, /* VINSERTF128 */
	{X86_MAP_0F3A, 0x38, P66, FORM_VE, V_LANE, 16, V_LONG, 0},
	{X86_MAP_0F3A, 0x1a, P66, FORM_E, V_LANE, 32, V_LONG, 0}, /* VINSERTF32X8 */
	{X86_MAP_0F3A, 0x3a, P66, FORM_E, V_LANE, 32, V_LONG, 0},
	{X86_MAP_0F3A, 0x19, P66, FORM_VE, V_LANE, 16, V_LONG | V_STORE, 0}, /* VEXTRACTF128 */
	{X86_MAP_0F3A, 0x39, P66, FORM_VE, V_LANE, 16, V_LONG | V_STORE, 0},
	{X86_MAP_0F3A, 0x1b, P66, FORM_E, V_LANE, 32, V_LONG | V_STORE, 0}, /* VEXTRACTF32X8 */
	{X86_MAP_0F3A, 0x3b, P66, FORM_E, V_LANE, 32, V_LONG | V_STORE, 0},
};

/*
 * Returns the instruction's mandatory prefix. In legacy encodings F3 and F2 win over 66 (SDM vol.
 * 2, 2.1.1).
 */
static u8 vector_prefix_of(const struct x86_instruction *in)
{
	if (in->encoding != X86_LEGACY)
		return (u8)BIT(in->vector_prefix);
	if (in->prefixes & X86_PREFIX_REPNE)
		return PF2;
	if (in->prefixes & X86_PREFIX_REP)
		return PF3;
	return in->prefixes & X86_PREFIX_OPERAND ? P66 : NP;
}

const struct vector_form *vector_form_of(const struct x86_instruction *in)
{
	u8 prefix = vector_prefix_of(in);

	for (u32 i = 0; i < ARRAY_COUNT(vector_forms); i++)
		if (vector_forms[i].map == in->map && vector_forms[i].opcode == in->opcode &&
		    vector_forms[i].prefixes & prefix &&
		    vector_forms[i].encodings >> in->encoding & 1)
			return &vector_forms[i];
	return NULL;
}
