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
