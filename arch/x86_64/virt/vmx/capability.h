/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The abilities of the host's VMX that the back end uses; the same on all CPUs. */
struct vmx_capability {
	u32 revision; /* revision identifier that every VMCS region begins with */
	/*
	 * The control words with which every VMCS starts; windows and the guest's mode change some
	 * of their bits later.
	 */
	u32 pin;
	u32 primary;
	u32 secondary;
	u32 exit;
	u32 entry;
	u64 cr0_fixed; /* bits that must be 1 in a guest's CR0 whatever its mode */
	u64 cr4_fixed;
	/* number of CR3-target values: the guest loads these into CR3 without an exit */
	u32 cr3_targets;
	/*
	 * those of the secondary controls that virtualize the local APIC: all, or 0 if the CPU
	 * lacks one
	 */
	u32 apic;
	u32 timer_shift; /* the VMX preemption timer counts TSC >> timer_shift */
	u32 invept_type; /* the narrowest type of INVEPT that the CPU supports */
	u32 invvpid_type;
	u32 gib_pages; /* EPT has leaves of 1 GiB */
};
_Static_assert(sizeof(struct vmx_capability) == 12 * 4 + 2 * 8, "no gaps: compared as bytes");

extern struct vmx_capability vmx_capability;
