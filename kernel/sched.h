/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
struct thread;

#define SCHED_SLICE_NS (5 * NS_PER_MS)

/*
 * Fair sharing by virtual time: each thread's run time, divided by its weight, advances its own
 * clock, and the thread that is furthest behind runs next. A thread weighs its group's weight
 * divided by the group's runnable threads.
 */
void sched_init(struct cpu *cpu);

/* The thread can run from now on. It gets the CPU soon when it has slept long. */
void sched_ready(struct cpu *cpu, struct thread *thread);
void sched_remove(struct thread *thread);

/* Charges the running thread for the time since it was last charged. */
void sched_account(struct cpu *cpu);
/* Time up to now was nobody's. */
void sched_account_idle(struct cpu *cpu);

/* The thread to run now, taken off the ready queue; NULL when there is none. */
struct thread *sched_pick(struct cpu *cpu);
