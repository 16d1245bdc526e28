/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define XSAVE_VECTOR_BYTES 64u /* of ZMM; the others are its low bytes */

/* Where the parts of vector registers lie in an XSAVE image; 0: the CPU has none of them. */
struct xsave_layout {
	bool fxsave;  /* no header: all there is, is the form of FXSAVE */
	u32 ymm;      /* upper halves of YMM0 to 15 */
	u32 zmm_low;  /* upper halves of ZMM0 to 15 */
	u32 zmm_high; /* ZMM16 to 31 */
};

/* As the host has it: CPUID leaf 0dh. */
void xsave_layout_find(struct xsave_layout *layout);

/* A component that XSTATE_BV does not name is in its initial state (SDM vol. 1, 13.8.1). */
void xsave_vector_get(const struct xsave_layout *layout, const u8 *image, u32 reg,
		      u8 bytes[XSAVE_VECTOR_BYTES]);
/* Sets the low `count` bytes, a multiple of 16; the others stay. */
void xsave_vector_set(const struct xsave_layout *layout, u8 *image, u32 reg, const u8 *bytes,
		      u32 count);

/* MM0 to 7. Every MMX instruction makes the x87 stack start at 0 and all of it valid. */
u64 xsave_mmx_get(const struct xsave_layout *layout, u8 *image, u32 reg);
void xsave_mmx_set(const struct xsave_layout *layout, u8 *image, u32 reg, u64 value);
