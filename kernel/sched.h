/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
struct thread;

#define SCHED_SLICE_NS (5 * NS_PER_MS)

/*
 * Fair sharing by virtual time on each CPU: a thread's run time, divided by its weight, advances its
 * own clock, and the thread that is furthest behind runs next. A CPU without work asks the one
 * with most for a thread; a thread leaves a CPU only by that CPU's own hand.
 */
void sched_init(struct cpu *cpu);

/* The CPU where a new thread has least to wait. */
struct cpu *sched_place(void);

/*
 * The thread can run from now on, on its home CPU, which is told when it should look. It gets the
 * CPU soon when it has slept long. Under the object lock, as the next two.
 */
void sched_ready(struct thread *thread);
/* Takes the thread out of the queue if it waits there. */
void sched_remove(struct thread *thread);
/* The thread that the CPU runs is no longer able to; the CPU is the caller's. */
void sched_block(struct cpu *cpu);

/* The following are for the CPU itself. */

/* Charges the running thread for the time since it was last charged. */
void sched_account(struct cpu *cpu);
/* Time up to now was nobody's. */
void sched_account_idle(struct cpu *cpu);
/* Puts the running thread back and takes the best one: cpu->running, NULL when there is none. */
void sched_next(struct cpu *cpu);
/* Asks the busiest CPU for a thread. */
void sched_beg(struct cpu *cpu);
/* Hands a waiting thread to the CPU that has asked. Under the object lock. */
void sched_give(struct cpu *cpu);
