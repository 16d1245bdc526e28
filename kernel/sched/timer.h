/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "lib/bits.h"

/* Deadlines in this file are host TSC values. */

/*
 * Makes the thread's home CPU wake the thread at thread->wake_tsc, with STATUS_TIMED_OUT. The
 * caller shares the object lock, as for the next two functions.
 */
void timer_sleep(struct thread *thread);
/* Takes the thread off its home CPU's list of sleepers. */
void timer_cancel(struct thread *thread);

/*
 * Wakes the CPU's first sleeping thread, if its deadline has come; each CPU calls the function for
 * itself.
 */
void timer_expire(struct cpu *cpu);

/* Returns true if this TSC value has been reached; 0 means never. */
static inline bool timer_is_due(u64 tsc)
{
	return rdtsc() > tsc - 1;
}

/*
 * Returns the TSC of the CPU's next event: a sleeper's deadline, a scheduling event or `deadline`.
 * 0 means never: subtracting 1 makes it the latest.
 */
static inline u64 timer_next(const struct cpu *cpu, u64 deadline)
{
	u64 queue = __atomic_load_n(&cpu->queue_tsc, __ATOMIC_RELAXED) - 1;
	u64 wake = __atomic_load_n(&cpu->wake_tsc, __ATOMIC_RELAXED) - 1;

	return MIN(deadline - 1, MIN(queue, wake)) + 1;
}

/*
 * The value of cpu->armed_for that marks the timer's time as stale: it must be computed again.
 * Other CPUs store it too. A monitor may ask for this deadline, but it is long past: no guest is
 * entered with it.
 */
#define TIMER_STALE 1ull

/*
 * Makes the CPU's next call of timer_arm compute the timer's time again; any CPU may call this
 * function.
 */
static inline void timer_stale(struct cpu *cpu)
{
	__atomic_store_n(&cpu->armed_for, TIMER_STALE, __ATOMIC_RELEASE);
}

/* Makes the CPU's next call of timer_arm set the timer again, even to the same time. */
static inline void timer_forget(struct cpu *cpu)
{
	cpu->armed_tsc = 0;
	timer_stale(cpu);
}

/*
 * Notes that the CPU's timer interrupt has come, or should have come: the timer is not set any
 * more.
 */
static inline void timer_fired(struct cpu *cpu)
{
	timer_forget(cpu);
	__atomic_fetch_or(&cpu->pending, PENDING_TIMER, __ATOMIC_RELAXED);
}

/* Sets the CPU's timer to its next event or `deadline` (0: none), if that time has changed. */
void timer_arm_anew(struct cpu *cpu, u64 deadline);

/*
 * Sets the timer for a guest with this deadline; computes other events only if one of them has
 * changed.
 */
static inline void timer_arm(struct cpu *cpu, u64 deadline)
{
	if (unlikely(cpu->armed_for != deadline))
		timer_arm_anew(cpu, deadline);
}

/*
 * Sets the timer while the CPU runs no guest, so that no guest's deadline matters. A timer that is
 * still set for a guest may stay, because a timer interrupt that comes too early does no harm.
 */
static inline void timer_arm_briefly(struct cpu *cpu)
{
	if (cpu->armed_tsc - 1 > timer_next(cpu, 0) - 1)
		timer_arm_anew(cpu, 0);
}
