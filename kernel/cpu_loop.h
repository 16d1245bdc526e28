/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/teardown.h"
#include "mm/tlb.h"

/* Whether the loop has more to do than to go on with the thread that runs. */
static inline bool cpu_must_settle(const struct cpu *cpu)
{
	return cpu->pending != 0;
}

/*
 * A guest that never lets its CPU idle is interrupted while something waits to be given back, about
 * once in a millisecond: at round times, so that frequent exits do not put it off.
 */
#define TIDY_TSC_MASK ((1ull << 21) - 1)

static inline u64 cpu_guest_deadline(u64 deadline_tsc)
{
	if (likely(!teardown_waiting()))
		return deadline_tsc;
	return MIN(deadline_tsc - 1, rdtsc() | TIDY_TSC_MASK) + 1;
}

/* A CPU's whole life from now on; entered again from its stack's base at every entry of ring 3. */
NORETURN void cpu_loop(struct cpu *cpu);
