/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/speculation.h"
#include "lib/types.h"

/* The abilities of the host's CPUs that the kernel needs to know. */
struct cpu_features {
	u8 physical_bits;
	bool rdtscp; /* the CPU has RDTSCP, and with it MSR_TSC_AUX */
	bool x2apic;
	bool tsc_deadline;
	/* the CPU has the machine-check architecture: MSR_MCG_CAP and the banks */
	bool machine_check;
	bool vmx;
	bool svm;
	bool gib_pages; /* the CPU has 1-GiB pages, also in a second stage (EPT, NPT) */
	/*
	 * the CPU is open to Meltdown: ring 3 may read memory that its tables map for ring 0 only
	 */
	bool meltdown;
	/* the CR4 bits with which the kernel always runs, as far as the host's CPUs have them */
	u64 cr4;
	struct speculation speculation;
	u64 xcr0; /* XCR0's bits of the state components that guests may use; 0 without XSAVE */
	struct speculation_cpu cpu;
};

extern struct cpu_features features; /* the abilities of the boot CPU, which boot/init fills in */
