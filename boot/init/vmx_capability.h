/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/vmx/capability.h"

/* The VMX capability MSRs as the running CPU reports them: SDM vol. 3, appendix A. */
struct vmx_capability_msrs {
	u64 basic;
	/*
	 * the first of four TRUE control MSRs: pin-based, processor-based, exit and entry controls
	 */
	u64 pin;
	u64 primary;
	u64 secondary;
	u64 exit;
	u64 entry;
	u64 misc;
	u64 cr0_fixed0;
	u64 cr4_fixed0;
	u64 ept_vpid;
};

/*
 * Judges a CPU's capability MSRs and chooses the control words of every VMCS. Returns NULL if
 * Skerry can use this CPU, otherwise one plain sentence that names the missing feature.
 */
const char *vmx_capability_judge(const struct vmx_capability_msrs *msrs,
				 struct vmx_capability *capability);
