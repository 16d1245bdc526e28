/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/teardown.h"
#include "mm/tlb.h"

/* Whether the loop has anything to do besides going on with the running thread. */
static inline bool cpu_must_settle(const struct cpu *cpu)
{
	return cpu->pending != 0;
}

/*
 * While objects wait to be torn down, a guest that never lets its CPU idle is interrupted about
 * once per millisecond: at multiples of 2^21 TSC cycles, so that frequent exits do not delay it.
 */
#define TIDY_TSC_MASK ((1ull << 21) - 1)

static inline u64 cpu_guest_deadline(u64 deadline_tsc)
{
	if (likely(!teardown_waiting()))
		return deadline_tsc;
	return MIN(deadline_tsc - 1, rdtsc() | TIDY_TSC_MASK) + 1;
}

/* A CPU's whole life; started again at the base of its stack at every entry from ring 3. */
NORETURN void cpu_loop(struct cpu *cpu);
