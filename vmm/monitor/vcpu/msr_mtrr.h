/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu/msr.h"

/* The memory type range registers (SDM vol. 3, 12.11), for msr.c. */
#define MTRR_CAP_FIXED	BIT(8)
#define MTRR_CAP_WC	BIT(10)
#define MTRR_ENABLE	BIT(11) /* bit of the default type's MSR: MTRRs are enabled */
#define MTRR_FIXED	BIT(10) /* bit of the default type's MSR: fixed ranges are enabled */
#define MTRR_MASK_VALID BIT(11)

void msr_mtrr_reset(struct msr_state *state, const struct cpuid_policy *policy);
/*
 * Read and write an MTRR. They return false if the MSR is no MTRR, or if the access has to raise
 * #GP.
 */
bool msr_mtrr_read(const struct msr_state *state, u32 index, u64 *value) MUST_CHECK;
bool msr_mtrr_write(struct msr_state *state, const struct cpuid_policy *policy, u32 index,
		    u64 value) MUST_CHECK;
