/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/svm.h"
#include "kernel/abi/vcpu.h"

/*
 * Segment registers in the VMCB's format and in the vCPU page's format, which is that of a VMCS.
 * Bits 7:0 are equal in both; the vCPU page has AVL, L, D/B and G 4 bits higher than the VMCB (APM
 * vol. 2, 15.5.1; SDM vol. 3, 25.4.1).
 */
#define SEGMENT_LOW_BITS   0xffu
#define SEGMENT_HIGH_BITS  0xf00u
#define SEGMENT_HIGH_SHIFT 4
/* the largest limit that fits in 20 bits and counts bytes (G clear) */
#define SEGMENT_LIMIT_BYTES_MAX 0xfffffu

/*
 * Converts a segment register of the VMCB to the vCPU page's format. The VMCB has "not present" in
 * place of "unusable" and need not keep G (APM vol. 2, 15.5.1).
 */
static inline void segment_from_vmcb(const struct vmcb_segment *from, struct vcpu_segment_state *to)
{
	u32 attributes = from->attributes & (u32)~VMCB_ATTRIBUTE_G;
	u32 limit = from->limit;

	if (limit > SEGMENT_LIMIT_BYTES_MAX)
		attributes |= VMCB_ATTRIBUTE_G;
	to->base = from->base;
	to->limit = limit;
	to->access = (attributes & SEGMENT_LOW_BITS) |
		     (attributes & SEGMENT_HIGH_BITS) << SEGMENT_HIGH_SHIFT |
		     (attributes & VMCB_ATTRIBUTE_P ? 0 : SEGMENT_UNUSABLE);
	to->selector = from->selector;
}

/* Converts a segment register of the vCPU page to the VMCB's format. */
static inline struct vmcb_segment segment_to_vmcb(const struct vcpu_segment_state *from)
{
	u32 attributes = (from->access & SEGMENT_LOW_BITS) |
			 (from->access >> SEGMENT_HIGH_SHIFT & SEGMENT_HIGH_BITS);

	if (from->access & SEGMENT_UNUSABLE)
		attributes &= (u32)~VMCB_ATTRIBUTE_P;
	return (struct vmcb_segment){
		.selector = from->selector,
		.attributes = (u16)attributes,
		.limit = from->limit,
		.base = from->base,
	};
}
