/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"

/* Makes this_cpu() work on the boot stack, and an exception there a panic. `features` is filled. */
void cpus_adopt_boot(void);

/* The boot CPU's final struct, with guarded stacks and tables loaded; still on the boot stack. */
struct cpu *cpus_create_boot(void);

/*
 * Starts the other CPUs of the MADT, one after the other, until `limit` CPUs run; 0: all. One that
 * does not answer is named in the log and left out.
 */
void cpus_start(u32 limit);

/* CPUs are numbered from 0 in the order in which they came up; the boot CPU is 0. */
u32 cpus_count(void);
struct cpu *cpus_get(u32 id);

/* Sets reasons in a CPU's pending word; another CPU is interrupted so that it notices. */
void cpus_pend(struct cpu *cpu, u64 reasons);

/* Stops all other CPUs for good, out of VMX or SVM operation; waits a bounded time for them. */
void cpus_stop_others(void);
/* Does not return if another CPU has called cpus_stop_others. */
void cpus_stop_if_told(struct cpu *cpu, const struct trap_frame *frame);
