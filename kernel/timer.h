/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "lib/bits.h"

struct thread;

/* Deadlines are host TSC values. */

/*
 * The thread is woken with STATUS_TIMED_OUT at thread->wake_tsc, by its home CPU. Under the object
 * lock, as the next two.
 */
void timer_sleep(struct thread *thread);
void timer_cancel(struct thread *thread);

/* Wakes every thread whose time has come; for the CPU itself. */
void timer_expire(struct cpu *cpu);

/* Whether it has passed; 0 is never. */
static inline bool timer_is_due(u64 tsc)
{
	return rdtsc() > tsc - 1;
}

/* The CPU's next event, `deadline` being one of them. 0 is never: one less, and it is the last. */
static inline u64 timer_next(const struct cpu *cpu, u64 deadline)
{
	u64 queue = __atomic_load_n(&cpu->queue_tsc, __ATOMIC_RELAXED) - 1;
	u64 wake = __atomic_load_n(&cpu->wake_tsc, __ATOMIC_RELAXED) - 1;

	return MIN(deadline - 1, MIN(queue, wake)) + 1;
}

/*
 * The timer has to be looked at. Other CPUs say so as well. A deadline that a monitor may have, but
 * one long past: no guest is entered with it.
 */
#define TIMER_STALE 1ull

static inline void timer_stale(struct cpu *cpu)
{
	__atomic_store_n(&cpu->armed_for, TIMER_STALE, __ATOMIC_RELEASE);
}

/* It has fired, or may have been lost. */
static inline void timer_forget(struct cpu *cpu)
{
	cpu->armed_tsc = 0;
	timer_stale(cpu);
}

/* Sets it to what comes first, if that has changed. */
void timer_arm_anew(struct cpu *cpu, u64 deadline);

/* For a guest that has `deadline`; looks at other events only when one of them has changed. */
static inline void timer_arm(struct cpu *cpu, u64 deadline)
{
	if (unlikely(cpu->armed_for != deadline))
		timer_arm_anew(cpu, deadline);
}

/*
 * The same for a short while without the guest's deadline: what is set for it may stay, since too
 * early an interrupt only makes the CPU look.
 */
static inline void timer_arm_briefly(struct cpu *cpu)
{
	if (cpu->armed_tsc - 1 > timer_next(cpu, 0) - 1)
		timer_arm_anew(cpu, 0);
}
