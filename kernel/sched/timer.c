/* SPDX-License-Identifier: MIT */
/*
 * The one-shot timer of each CPU, and the threads that sleep until a deadline.
 * kernel/sched/thread.c puts threads to sleep, kernel/cpu/cpu_loop.c wakes those that are due, and
 * both the loop and kernel/guest/vcpu_run.c set the timer before they leave ring 0. It owns a CPU's
 * list of sleepers, guarded by the CPU's lock, and the local APIC's timer.
 */
#include "kernel/sched/timer.h"
#include "arch/x86_64/cpu/instructions.h"
#include "kernel/sched/queue.h"
#include "kernel/sched/thread.h"

static struct thread *timer_first(const struct cpu *cpu)
{
	return list_empty(&cpu->sleeping)
		       ? NULL
		       : LIST_ENTRY(cpu->sleeping.next, struct thread, sleep_node);
}

static void timer_publish_first(struct cpu *cpu)
{
	const struct thread *thread = timer_first(cpu);

	__atomic_store_n(&cpu->wake_tsc, thread != NULL ? thread->wake_tsc : 0, __ATOMIC_RELAXED);
	timer_stale(cpu);
}

void timer_sleep(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;
	struct list *position = &cpu->sleeping;

	lock_acquire(&cpu->lock, LOCK_RUN);
	LIST_FOR_EACH(node, &cpu->sleeping) {
		if (LIST_ENTRY(node, struct thread, sleep_node)->wake_tsc > thread->wake_tsc) {
			position = node;
			break;
		}
	}
	list_insert_before(position, &thread->sleep_node);
	timer_publish_first(cpu);
	lock_release(&cpu->lock, LOCK_RUN);
}

void timer_cancel(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;

	lock_acquire(&cpu->lock, LOCK_RUN);
	list_remove(&thread->sleep_node);
	timer_publish_first(cpu);
	lock_release(&cpu->lock, LOCK_RUN);
}

/*
 * Marks the CPU's timer as up to date first, so that a change that another CPU makes afterwards
 * marks it stale again. Sets the timer only if its time has changed, because that costs a slow
 * write, or an exit in a VM.
 */
void timer_arm_anew(struct cpu *cpu, u64 deadline)
{
	u64 next;

	(void)__atomic_exchange_n(&cpu->armed_for, deadline, __ATOMIC_SEQ_CST);
	next = timer_next(cpu, deadline);
	if (next == cpu->armed_tsc)
		return;
	cpu->armed_tsc = next;
	lapic_timer_set(next);
}

/*
 * Wakes the CPU's first sleeping thread if its deadline has come. Only the lock of the queue on
 * which the thread waits tells whether a signal is waking it on another CPU at the same time. The
 * thread cannot begin another wait meanwhile, as only this CPU, its home, runs it.
 */
void timer_expire(struct cpu *cpu)
{
	struct queue *queue = NULL;
	struct thread *thread;

	lock_acquire(&cpu->lock, LOCK_RUN);
	thread = timer_first(cpu);
	if (thread != NULL && timer_is_due(thread->wake_tsc))
		queue = __atomic_load_n(&thread->waits_for, __ATOMIC_RELAXED);
	lock_release(&cpu->lock, LOCK_RUN);
	if (queue != NULL)
		queue_expire(queue, thread);
}
