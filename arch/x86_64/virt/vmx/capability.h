/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The capability MSRs as this CPU reports them: SDM vol. 3, appendix A. */
struct vmx_capability_msrs {
	u64 basic;
	u64 pin; /* the TRUE ones */
	u64 primary;
	u64 secondary;
	u64 exit;
	u64 entry;
	u64 misc;
	u64 cr0_fixed0;
	u64 cr4_fixed0;
	u64 ept_vpid;
};

/* What this machine's VMX offers, as the back end uses it. The same on all CPUs. */
struct vmx_capability {
	u32 revision; /* of a VMCS region */
	/* Control words for every VMCS; windows and the guest's mode change some bits later. */
	u32 pin;
	u32 primary;
	u32 secondary;
	u32 exit;
	u32 entry;
	u64 cr0_fixed; /* bits that must be 1 in a guest's CR0 whatever its mode */
	u64 cr4_fixed;
	u32 cr3_targets;     /* number of CR3-target values: they load without an exit */
	u32 apic;	     /* secondary controls that virtualize the local APIC: all or 0 */
	u32 timer_shift;     /* the preemption timer counts TSC >> timer_shift */
	u32 invept_type;     /* the narrowest that is supported */
	u32 invvpid_type;
	u32 gib_pages; /* in EPT */
};
_Static_assert(sizeof(struct vmx_capability) == 12 * 4 + 2 * 8, "no gaps: compared as bytes");

extern struct vmx_capability vmx_capability;

/*
 * Judges the MSRs and chooses the control words. NULL when Skerry can use this CPU, otherwise one
 * plain sentence that says what is missing.
 */
const char *vmx_capability_judge(const struct vmx_capability_msrs *msrs,
				 struct vmx_capability *capability);
