/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A CPU's reports about itself (CPUID, MSRs) that concern speculative execution. */
struct speculation_cpu {
	bool amd;	/* AMD or Hygon; all other vendors are judged like Intel */
	u32 version;	/* the CPU's family, model and stepping: CPUID.1:EAX */
	u32 leaf_7_ebx; /* EBX of CPUID leaf 7, subleaf 0 */
	u32 leaf_7_edx;
	u32 leaf_72_edx;  /* EDX of CPUID leaf 7, subleaf 2 */
	u32 leaf_88_ebx;  /* EBX of CPUID leaf 80000008h */
	u32 leaf_821_eax; /* EAX of CPUID leaf 80000021h */
	u32 leaf_821_ecx;
	u64 capabilities; /* IA32_ARCH_CAPABILITIES; 0 if the CPU has no such MSR */
	u64 opt_ctrl;	  /* IA32_MCU_OPT_CTRL; 0 if the CPU has no such MSR */
	u64 microcode;	  /* AMD's patch level */
};

static inline u32 speculation_family(const struct speculation_cpu *cpu)
{
	u32 family = cpu->version >> 8 & 0xf;

	return family == 0xf ? family + (cpu->version >> 20 & 0xff) : family;
}

/* The mitigations in use on this host (struct kernel_page). */
enum host_speculation {
	HOST_IBRS = 1 << 0,	    /* enhanced or automatic IBRS, set once on each CPU */
	HOST_IBRS_ON_EXIT = 1 << 1, /* the older kind of IBRS, written at each VM exit */
	HOST_IBPB = 1 << 2,
	HOST_STIBP = 1 << 3,
	HOST_SSBD = 1 << 4,
	HOST_L1D_FLUSH = 1 << 5,
	/* VERW before each entry into a guest, and before another process runs */
	HOST_VERW = 1 << 6,
	HOST_AUTO_IBRS = 1 << 7,    /* automatic IBRS by EFER, besides HOST_IBRS */
	HOST_RETURN_STACK = 1 << 8, /* the return stack is filled after each VM exit and IBPB */
	/* BHI_DIS_S, set once on each CPU: branch history steers no branch of ring 0 */
	HOST_BHI_DIS = 1 << 9,
	/* branch history is overwritten after each VM exit and at each system call */
	HOST_HISTORY = 1 << 10,
	/* VMX: guests cannot execute from large leaves of a second stage (iTLB multihit) */
	HOST_SMALL_CODE = 1 << 11,
	HOST_BUS_LOCKS = 1 << 12, /* a guest's bus locks cause VM exits */
	/* VMX: guests' ENCLS exits, and so does ENCLV if the CPU has it */
	HOST_ENCLS = 1 << 13,
};
/* Lowest of the bits of kernel_page.features that hold enum host_speculation. */
#define HOST_SPECULATION_SHIFT 32
