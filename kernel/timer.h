/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
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

/* Arms the CPU's one-shot timer for its next event; `deadline` is one more, 0: none. */
void timer_arm(struct cpu *cpu, u64 deadline);
