/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "kernel/run_queue.h"
#include "lib/status.h"

struct group;

#define SCHED_SLICE_NS (5 * NS_PER_MS)
#define SCHED_GRACE_NS (100 * NS_PER_US)   /* past the slice, with interrupts off */
#define SCHED_BALANCE_NS (100 * NS_PER_MS) /* after a thread was handed over */
#define SCHED_RETRY_NS (25 * NS_PER_MS)    /* after none was found to hand over */
#define SCHED_STAY_NS (150 * NS_PER_MS)	   /* least stay on the CPU it was handed over to */
#define SCHED_ASK_NS (1 * NS_PER_MS)	   /* until a CPU is asked again that gave nothing */
/*
 * What a switch costs, from exit to entry and by cold caches, is in part charged to the one that
 * lost the CPU, and in part to nobody. So whoever takes it from another group, or gives it up to
 * wait, is charged this on top.
 */
#define SCHED_SWITCH_NS (2 * NS_PER_US)
#define SCHED_WAIT_NS (2 * SCHED_SWITCH_NS) /* the switch away, the interrupt and the one back */
/* For which a reservation's budget is longer than was asked for: one wait and its end a period. */
#define SCHED_RESERVE_NS (SCHED_SWITCH_NS + SCHED_WAIT_NS)

/*
 * Which thread runs where and when. Each CPU has a queue (kernel/run_queue.h: shares, caps and
 * reservations); this file puts threads on them, tells CPUs to look and moves threads. A CPU
 * without work asks the one with the most for a thread; only a CPU itself gives its threads away.
 */

/* Gives the CPU its queue. False: no memory. */
bool sched_init(struct cpu *cpu);

/* Whether any of the CPUs that a GROUP_AFFINITY value allows is running. */
bool sched_affinity_valid(u64 affinity);
/* A group's cap or affinity has changed: every CPU reconsiders what runs and until when. */
void sched_changed(void);
/* The CPU with the least load among those allowed; this CPU if none is. */
struct cpu *sched_place(u64 affinity);

/*
 * The thread can run from now on, on its home CPU, which is told if it must react. With the object
 * lock shared, like all down to sched_serve.
 */
void sched_ready(struct thread *thread);
/* The thread has died: takes it out of the queue, unless its CPU runs it and will do so itself. */
void sched_remove(struct thread *thread);
/*
 * The thread, which is the caller's or waits, works for a group from now on: the CPU time that it
 * takes is that group's too. NULL: for its own alone.
 */
void sched_serve(struct thread *thread, struct group *group);
/* Releases the reservation of a dead thread that no CPU holds. With the objects alone. */
void sched_forget(struct thread *thread);
/*
 * SYS_THREAD_RESERVE, with the objects alone; sets *left_permille also with STATUS_NO_QUOTA.
 * STATUS_AGAIN: the thread, which is the caller, moves to a CPU that has more left.
 */
enum status sched_reserve(struct thread *thread, u64 budget_ns, u64 period_ns,
			  u64 *left_permille) MUST_CHECK;

/* The following are called by the CPU itself. */

/*
 * Puts the running thread back, unless it waits or has died, and takes the best one: cpu->running,
 * NULL when there is none.
 */
void sched_next(struct cpu *cpu);
/*
 * Sets cpu->grace if it is the end of its slice, not of its reservation, that stops the running
 * thread. It goes on for SCHED_GRACE_NS, unless its cap is spent or another must run first.
 */
void sched_extend(struct cpu *cpu);
/* Whether the running thread must move to another CPU. */
bool sched_must_move(const struct cpu *cpu);
/* Moves it; its registers may be loaded here. With the objects alone. */
void sched_move(struct cpu *cpu);
/*
 * SYS_THREAD_YIELD by the running thread; `to` may be NULL. STATUS_NOT_FOUND, without effect: `to`
 * is of another group or does not wait here. With the object lock shared.
 */
enum status sched_yield(struct cpu *cpu, struct thread *to);
/* This CPU has nothing to do: asks the busiest one for a thread. */
void sched_request_work(struct cpu *cpu);
/* Whether it is time to check if other CPUs have less to do. */
static inline bool sched_balance_due(const struct cpu *cpu, u64 now)
{
	return now >= cpu->balance_tsc && cpu->queue->count > 1;
}
/* Hands a waiting thread to a CPU that has less to do, if there is one. With the objects alone. */
void sched_give(struct cpu *cpu);
