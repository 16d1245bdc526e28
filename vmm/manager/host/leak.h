/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What CPUs are known to leak across the borders between guests, processes and the kernel. */
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
	LEAK_ABSENT, /* this CPU does not have it */
	LEAK_CLOSED,
	LEAK_OPEN
};

/* What one CPU says of itself, and what the kernel does about it. */
struct leak_cpu {
	bool amd;         /* or Hygon; all other vendors are judged like Intel */
	u32 version;      /* CPUID.1:EAX */
	u32 leaf_7_ebx;   /* CPUID.7.0 */
	u32 leaf_7_edx;
	u32 leaf_72_edx;  /* CPUID.7.2 */
	u32 leaf_81_ecx;  /* CPUID.80000001 */
	u32 leaf_88_ebx;  /* CPUID.80000008 */
	u32 leaf_821_eax; /* CPUID.80000021 */
	u32 leaf_821_ecx;
	u64 capabilities; /* IA32_ARCH_CAPABILITIES; 0 if there is none */
	u64 opt_ctrl;     /* IA32_MCU_OPT_CTRL, likewise */
	u64 microcode;    /* AMD */
	u64 done;         /* struct kernel_page, features */
};

struct leak {
	const char *name;
	enum leak_state state;
	const char *by; /* what closes it, what is missing, or why the CPU does not have it */
};

/* The CPU that runs this; what only the kernel can read is the boot CPU's, as it acts on that. */
struct leak_cpu leak_cpu_read(void);

/* The judgement, which depends on its arguments alone. */
struct leak leak_judge(const struct leak_cpu *cpu, enum leak_number number);
const char *leak_state_name(enum leak_state state);
