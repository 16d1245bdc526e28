/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What a CPU says of itself, as far as speculation is concerned. */
struct speculation_cpu {
	bool amd;         /* or Hygon; everybody else is judged as Intel's CPUs are */
	u32 leaf_7_ebx;   /* CPUID.7.0 */
	u32 leaf_7_edx;
	u32 leaf_88_ebx;  /* CPUID.80000008 */
	u32 leaf_821_eax; /* CPUID.80000021 */
	u64 capabilities; /* IA32_ARCH_CAPABILITIES; 0 where it is not */
};

/* What is done about it; docs/threat-model.md has the table. */
struct speculation {
	u64 spec_ctrl;     /* IA32_SPEC_CTRL, set once on each CPU and in force in guests too */
	bool auto_ibrs;    /* EFER.AIBRSE, likewise */
	bool ibrs_on_exit; /* VMX: SPEC_CTRL is written anew at every exit */
	bool ibpb;         /* before a CPU runs another vCPU or process */
	bool clear;        /* VMX: buffers are cleared before every entry, by VERW ... */
	bool l1d_flush;    /* ... or by flushing the L1 cache, which clears them as well */
	u64 shown;         /* enum host_speculation */
};

/* The decision, from nothing but its argument. */
struct speculation speculation_decide(const struct speculation_cpu *cpu);

/* Puts into force, on the running CPU, what is set once. */
void speculation_enable(const struct speculation *speculation);
/* Nothing that was learnt before is used from now on: IBPB. */
void speculation_barrier(void);
/* What other domains have left in buffers and the L1 cache goes: before a guest is entered. */
void speculation_clear(const struct speculation *speculation);
