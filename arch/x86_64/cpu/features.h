/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/speculation.h"
#include "lib/types.h"

/* What this machine's CPUs can do, as far as the kernel needs to know. Filled once at boot. */
struct cpu_features {
	u8 physical_bits;
	bool rdtscp; /* and with it MSR_TSC_AUX */
	bool x2apic;
	bool tsc_deadline;
	bool xsave;
	bool machine_check; /* MCA: MSR_MCG_CAP and the banks */
	bool vmx;
	bool svm;
	bool gib_pages;	   /* also in a second stage */
	bool meltdown;	   /* ring 3 may read what its tables map for ring 0 */
	u64 cr4; /* what the kernel always runs with */
	struct speculation speculation;
	u64 xcr0;	   /* state components that guests may use; 0 without XSAVE */
};

extern struct cpu_features features;

/* Reads CPUID and MSRs of the boot CPU. */
void features_read(void);

/*
 * Turns on, on the running CPU, what the kernel always runs with: CR0.WP, NE, MP and TS; CR4.MCE,
 * DE, OSFXSR, OSXMMEXCPT and, if supported, SMEP, SMAP, UMIP, OSXSAVE; PAT as after RESET; the
 * speculation controls. EFER.NXE was set on the way into long mode.
 */
void features_enable(void);
