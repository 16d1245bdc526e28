/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"

/* CPUs are numbered from 0 in the order in which they came up; the boot CPU is 0. */
u32 cpus_count(void);
/* Returns the CPU of that number, which must be below cpus_count(). */
struct cpu *cpus_get(u32 id);

/*
 * Adds a CPU that comes up to the table of CPUs, or replaces the boot CPU's struct cpu by its final
 * one.
 */
void cpus_publish(struct cpu *cpu);
/* Returns the NUMA node of the running CPU. */
u8 cpus_node(void);

/*
 * Sets reasons (enum cpu_pending) in a CPU's pending word, and interrupts another CPU so that it
 * notices them.
 */
void cpus_pend(struct cpu *cpu, u64 reasons);

/* Stops all other CPUs for good, out of VMX or SVM operation; waits a bounded time for them. */
void cpus_stop_others(void);
/* Does not return if another CPU has called cpus_stop_others. */
void cpus_stop_if_told(struct cpu *cpu, const struct trap_frame *frame);

/* Takes the running CPU out of VMX or SVM operation; boot sets it to the back end's function. */
extern void (*cpus_virt_disable)(void);
/* Takes `cpu`, which is the running CPU, out of VMX or SVM operation; may be repeated. */
void cpus_virt_leave(struct cpu *cpu);
/* Halts the running CPU for good, with interrupts off. */
NORETURN void cpus_halt(void);
