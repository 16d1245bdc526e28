/* SPDX-License-Identifier: MIT */
#pragma once

/* Access to vector, MMX and x87 registers in a vCPU's XSAVE image. */
#include "lib/types.h"
#include "vmm/monitor/x86/x87_number.h"

#define XSAVE_VECTOR_BYTES 64u /* the size of a ZMM register; XMM and YMM are its low bytes */

/*
 * The offsets of the parts of vector registers in an XSAVE image; 0: the CPU does not have that
 * part.
 */
struct xsave_layout {
	bool fxsave;  /* the CPU has no XSAVE: the image is FXSAVE's, without a header */
	u32 ymm;      /* offset of the upper halves of YMM0 to 15 */
	u32 zmm_low;  /* offset of the upper halves of ZMM0 to 15 */
	u32 zmm_high; /* offset of ZMM16 to 31 */
};

/* Finds the layout that the host's CPU has: CPUID leaf 0dh. */
void xsave_layout_find(struct xsave_layout *layout);

/*
 * Copies the low `count` bytes of a vector register from the image. A component that XSTATE_BV does
 * not name is in its initial state (SDM vol. 1, 13.8.1).
 */
void xsave_vector_get(const struct xsave_layout *layout, const u8 *image, u32 reg,
		      u8 bytes[XSAVE_VECTOR_BYTES]);
/*
 * Sets the low `count` bytes of a vector register in the image, a multiple of 16; the others keep
 * their values.
 */
void xsave_vector_set(const struct xsave_layout *layout, u8 *image, u32 reg, const u8 *bytes,
		      u32 count);

/*
 * Read and set MM0 to MM7. Either function sets TOP to 0 and all tags to valid, as every MMX
 * instruction does.
 */
u64 xsave_mmx_get(const struct xsave_layout *layout, u8 *image, u32 reg);
void xsave_mmx_set(const struct xsave_layout *layout, u8 *image, u32 reg, u64 value);

/*
 * The x87 state that loads and stores need: `st` from the top of the stack on, `tags` by register.
 */
struct xsave_x87 {
	u16 control;
	u16 status;
	u8 tags; /* a bit for each of the 8 x87 registers that is in use */
	struct x87_bits st[8];
};

void xsave_x87_get(const struct xsave_layout *layout, u8 *image, struct xsave_x87 *x87);
void xsave_x87_set(const struct xsave_layout *layout, u8 *image, const struct xsave_x87 *x87);
