/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "kernel/run_queue.h"
#include "lib/status.h"

struct thread;

#define SCHED_SLICE_NS (5 * NS_PER_MS)
#define SCHED_BALANCE_NS (100 * NS_PER_MS) /* after a thread was handed over */
#define SCHED_RETRY_NS (25 * NS_PER_MS)    /* after none was found to hand over */
#define SCHED_STAY_NS (150 * NS_PER_MS)	   /* where it was handed over to, at the least */

/*
 * Which thread runs where and when. Each CPU has a queue (kernel/run_queue.h: shares, caps and
 * reservations); this puts threads on it, tells CPUs to look and moves threads between them. A
 * CPU without work asks the one with most for a thread; a thread leaves a CPU only by that CPU's
 * own hand.
 */

/* Gives the CPU its queue. False: no memory. */
bool sched_init(struct cpu *cpu);

/* Whether a running CPU is among them. */
bool sched_affinity_valid(u64 affinity);
/* What groups may do has changed: every CPU looks anew at who runs and until when. */
void sched_changed(void);
/* The CPU, of those, where a new thread has least to wait. */
struct cpu *sched_place(u64 affinity);

/*
 * The thread can run from now on, on its home CPU, which is told when it should look. Under the
 * object lock, as all down to sched_reserve.
 */
void sched_ready(struct thread *thread);
/* Takes the thread out of the queue if it waits there. */
void sched_remove(struct thread *thread);
/* The thread that the CPU runs is no longer able to; the CPU is the caller's. */
void sched_block(struct cpu *cpu);
/* A dead thread, held by no CPU, gives back what it had reserved. */
void sched_forget(struct thread *thread);
/*
 * SYS_THREAD_RESERVE; *left_permille also when it is refused. STATUS_AGAIN: the thread, which is
 * the caller, moves to a CPU that has more left.
 */
enum status sched_reserve(struct thread *thread, u64 budget_ns, u64 period_ns,
			  u64 *left_permille) MUST_CHECK;

/* The following are for the CPU itself. */

/* Puts the running thread back and takes the best one: cpu->running, NULL when there is none. */
void sched_next(struct cpu *cpu);
/* Whether the running thread has to go on elsewhere. */
bool sched_must_move(const struct cpu *cpu);
/* Sends it there; its registers are loaded here. Under the object lock. */
void sched_move(struct cpu *cpu);
/*
 * SYS_THREAD_YIELD of the running thread; `to` may be NULL. STATUS_NOT_FOUND, without effect: that
 * one is of another group or does not wait here. Under the object lock.
 */
enum status sched_yield(struct cpu *cpu, struct thread *to);
/* This CPU has nothing to do: tells the busiest one. */
void sched_beg(struct cpu *cpu);
/* Whether it is time to look if others have less to do. */
static inline bool sched_balance_due(const struct cpu *cpu, u64 now)
{
	return now >= cpu->balance_tsc && cpu->queue->count > 1;
}
/* Hands a waiting thread to a CPU that has less to do, if there is one. Under the object lock. */
void sched_give(struct cpu *cpu);
