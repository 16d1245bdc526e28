/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
struct thread;

/* Deadlines are host TSC values. */

/* The thread is woken with STATUS_TIMED_OUT at thread->wake_tsc. */
void timer_sleep(struct cpu *cpu, struct thread *thread);
void timer_cancel(struct thread *thread);

/* Wakes every thread whose time has come. */
void timer_expire(struct cpu *cpu);

/* Arms the CPU's one-shot timer for its next event; `deadline` is one more, 0: none. */
void timer_arm(struct cpu *cpu, u64 deadline);
