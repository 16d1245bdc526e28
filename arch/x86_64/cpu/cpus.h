/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"

/* CPUs are numbered from 0 in the order in which they came up; the boot CPU is 0. */
u32 cpus_count(void);
struct cpu *cpus_get(u32 id);

/* Counts a CPU that comes up, or its final struct. */
void cpus_publish(struct cpu *cpu);
/* The memory node that the running CPU is in. */
u8 cpus_node(void);

/* Sets reasons in a CPU's pending word; another CPU is interrupted so that it notices. */
void cpus_pend(struct cpu *cpu, u64 reasons);

/* Stops all other CPUs for good, out of VMX or SVM operation; waits a bounded time for them. */
void cpus_stop_others(void);
/* Does not return if another CPU has called cpus_stop_others. */
void cpus_stop_if_told(struct cpu *cpu, const struct trap_frame *frame);

/* How a CPU leaves VMX or SVM operation: set at the boot. */
extern void (*cpus_virt_disable)(void);
/* Leaves it on this CPU; harmless to repeat. */
void cpus_virt_leave(struct cpu *cpu);
NORETURN void cpus_halt(void);
