/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/speculation.h"
#include "lib/types.h"

/* What this machine's CPUs can do, as far as the kernel needs to know. */
struct cpu_features {
	u8 physical_bits;
	bool rdtscp; /* and with it MSR_TSC_AUX */
	bool x2apic;
	bool tsc_deadline;
	bool machine_check; /* MCA: MSR_MCG_CAP and the banks */
	bool vmx;
	bool svm;
	bool gib_pages;	   /* also in a second stage */
	bool meltdown;	   /* ring 3 may read what its tables map for ring 0 */
	u64 cr4; /* what the kernel always runs with, as far as this machine has it */
	struct speculation speculation;
	u64 xcr0;	   /* state components that guests may use; 0 without XSAVE */
	struct speculation_cpu cpu;
};

extern struct cpu_features features; /* the boot CPU's */

/* Reads CPUID and MSRs of the running CPU. */
struct cpu_features features_read(void);

/*
 * Turns on, on the running CPU, what the kernel always runs with: CR0.WP, NE, MP and TS; CR4.OSFXSR
 * and OSXMMEXCPT and, if supported, DE, MCE, SMEP, SMAP, UMIP, OSXSAVE; PAT as after RESET; the
 * speculation controls. EFER.NXE was set on the way into long mode. False, without effect: it
 * lacks something that the boot CPU has.
 */
bool features_enable(void);
