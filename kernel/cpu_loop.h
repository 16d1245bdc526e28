/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "mm/tlb.h"

/* Whether the loop has anything to do besides going on with the running thread. */
static inline bool cpu_has_pending(const struct cpu *cpu)
{
	return cpu->pending != 0;
}

/* A CPU's whole life; started again at the base of its stack at every entry from ring 3. */
NORETURN void cpu_loop(struct cpu *cpu);

/* The first thing that an application processor does in what remains mapped. */
NORETURN void cpu_loop_join(struct cpu *cpu);
