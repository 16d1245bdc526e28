/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "kernel/run_queue/run_queue.h"
#include "lib/status.h"

struct group;

#define SCHED_SLICE_NS (5 * NS_PER_MS)
/* longest run of a guest past its slice, with its interrupts off */
#define SCHED_GRACE_NS (100 * NS_PER_US)
/* the time until a CPU looks for a less busy one again after it handed a thread over */
#define SCHED_BALANCE_NS (100 * NS_PER_MS)
/* the time until a CPU looks for a less busy one again after it found no thread to hand over */
#define SCHED_RETRY_NS (25 * NS_PER_MS)
/* least stay of a thread on the CPU to which it was handed over */
#define SCHED_STAY_NS (150 * NS_PER_MS)
/* the time until a CPU that had no thread to hand over is asked for one again */
#define SCHED_ASK_NS (1 * NS_PER_MS)
/*
 * The cost of a switch of threads, from exit to entry and by cold caches, is in part charged to the
 * thread that lost the CPU, and in part to no thread. So a thread that takes the CPU from a thread
 * of another group is charged this on top, and one that gives the CPU up to wait is charged
 * SCHED_WAIT_NS.
 */
#define SCHED_SWITCH_NS (2 * NS_PER_US)
/* the cost of a wait: two switches; the interrupt between them is part of that */
#define SCHED_WAIT_NS (2 * SCHED_SWITCH_NS)
/* Added to a reservation's budget: the cost of one wait and its end in each period. */
#define SCHED_RESERVE_NS (SCHED_SWITCH_NS + SCHED_WAIT_NS)

/*
 * The scheduler: which thread runs where and when. Each CPU has a queue
 * (kernel/run_queue/run_queue.h: shares, caps and reservations); this part puts threads on queues,
 * tells CPUs to choose anew and moves threads. A CPU without work asks the one with the most for a
 * thread; only a CPU itself gives its threads away.
 */

/* Gives the CPU its queue; returns false if there is no memory. */
bool sched_init(struct cpu *cpu);

/* Returns true if any of the CPUs that a GROUP_AFFINITY value allows is running. */
bool sched_affinity_valid(u64 affinity);
/* Makes every CPU choose anew which thread runs, after a group's cap or affinity has changed. */
void sched_changed(void);
/*
 * Returns the CPU with the least load among those that the affinity allows; the running CPU if it
 * allows none.
 */
struct cpu *sched_place(u64 affinity);

/*
 * Makes the thread run from now on, on its home CPU, which is told if it must choose anew. The
 * caller shares the object lock, as for all functions down to sched_serve.
 */
void sched_ready(struct thread *thread);
/*
 * Takes a thread that has died out of its CPU's run queue, unless the CPU runs it and will do so
 * itself.
 */
void sched_remove(struct thread *thread);
/*
 * Makes the thread, which is the caller's or waits, work for a group from now on: the CPU time that
 * the thread takes is charged to that group too. NULL: the thread works for its own group alone.
 */
void sched_serve(struct thread *thread, struct group *group);
/*
 * Takes a dead thread that no CPU holds off its queue and releases its reservation. The caller has
 * the object lock alone.
 */
void sched_forget(struct thread *thread);
/*
 * Does SYS_THREAD_RESERVE; sets *left_permille also with STATUS_NO_QUOTA. STATUS_AGAIN: the thread,
 * which is the caller, moves to a CPU that has more left. The caller has the object lock alone.
 */
enum status sched_reserve(struct thread *thread, u64 budget_ns, u64 period_ns,
			  u64 *left_permille) MUST_CHECK;

/* Each CPU calls the functions below for itself. */

/*
 * Puts the running thread back on the CPU's queue, unless it waits or has died, and makes the best
 * thread cpu->running, NULL when there is none.
 */
void sched_next(struct cpu *cpu);
/*
 * Sets cpu->grace if the running thread would be stopped by the end of its slice, not of its
 * reservation. The thread then continues for SCHED_GRACE_NS, unless its cap is spent or another
 * thread must run first.
 */
void sched_extend(struct cpu *cpu);
/* Returns true if the running thread must move to another CPU. */
bool sched_must_move(const struct cpu *cpu);
/*
 * Moves the running thread, whose registers may be loaded here, to another CPU. The caller has the
 * object lock alone.
 */
void sched_move(struct cpu *cpu);
/*
 * Does SYS_THREAD_YIELD for the running thread; `to` may be NULL. STATUS_NOT_FOUND, without effect:
 * `to` is of another group or does not wait here. The caller shares the object lock.
 */
enum status sched_yield(struct cpu *cpu, struct thread *to);
/* Asks the busiest CPU for a thread, as this CPU has nothing to do. */
void sched_request_work(struct cpu *cpu);
/*
 * Returns true if it is time to call sched_give: to check whether another CPU has less to do than
 * this one.
 */
static inline bool sched_balance_due(const struct cpu *cpu, u64 now)
{
	return now >= cpu->balance_tsc && cpu->queue->count > 1;
}
/* Hands a waiting thread to a CPU that has less to do, if there is one. The caller has the object
 * lock alone. */
void sched_give(struct cpu *cpu);
