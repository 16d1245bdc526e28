/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/cpuid/cpuid.h"

/* What the machine is; version 1 of STATE_POLICY. */
struct policy_saved {
	u64 ram_bytes;
	u32 vcpu_count;
	u32 physical_bits;
	u64 xcr0;
	u32 leaf_count;
	u32 reserved;
	struct policy_leaf {
		u32 leaf;
		u32 subleaf;
		struct cpuid_regs regs;
	} leaf[CPUID_ENTRY_MAX];
};

/* Puts into words what differs first, down to a bit of CPUID. False: nothing does. */
bool policy_differs(const struct policy_saved *saved, const struct policy_saved *own, char *text,
		    size_t size);
