/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/cpuid/cpuid.h"

/* The section STATE_POLICY, version 1: the RAM, the vCPUs and the CPUID policy that the VM has. */
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

/*
 * Puts into words the first difference between a saved policy and the VM's own, down to a bit of
 * CPUID. Returns false if there is none.
 */
bool policy_differs(const struct policy_saved *saved, const struct policy_saved *own, char *text,
		    size_t size);
