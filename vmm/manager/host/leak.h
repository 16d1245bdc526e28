/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/speculation.h"
#include "lib/types.h"

/* Leaks that CPUs are known for, across the borders between guests, processes and the kernel. */
enum leak_number {
	LEAK_MELTDOWN,
	LEAK_SPECTRE_V2,
	LEAK_RETURN_STACK,
	LEAK_BHI,
	LEAK_ITS,
	LEAK_RETBLEED,
	LEAK_INCEPTION,
	LEAK_SSB,
	LEAK_L1TF,
	LEAK_MDS,
	LEAK_TAA,
	LEAK_MMIO,
	LEAK_RFDS,
	LEAK_TSA,
	LEAK_DOWNFALL,
	LEAK_SRBDS,
	LEAK_ZENBLEED,
	LEAK_LAZY_FP,
	LEAK_ITLB_MULTIHIT,
	LEAK_CACHE_DISABLE,
	LEAK_BUS_LOCK,
	LEAK_SGX,
	LEAK_COUNT
};

#define LEAK_NAME_BYTES 16u

enum leak_state {
	LEAK_ABSENT, /* this CPU does not have the leak */
	LEAK_CLOSED,
	LEAK_OPEN
};

/* A CPU's own reports about leaks, and the kernel's measures against them. */
struct leak_cpu {
	struct speculation_cpu is;
	bool svm; /* the kernel's back end is SVM; otherwise it is VMX */
	u64 done; /* the kernel's measures against leaks: the features of struct kernel_page */
};

struct leak {
	const char *name;
	enum leak_state state;
	/*
	 * the name of the defence that closes the leak, or of the missing one, or why the CPU does
	 * not have the leak
	 */
	const char *by;
};

/*
 * Reads the reports of the CPU on which the call runs. Values that only the kernel can read are the
 * boot CPU's, by which the kernel acts.
 */
struct leak_cpu leak_cpu_read(void);

/* Returns whether the CPU has the leak and which measure closes it, from the arguments alone. */
struct leak leak_judge(const struct leak_cpu *cpu, enum leak_number number);
const char *leak_state_name(enum leak_state state);
