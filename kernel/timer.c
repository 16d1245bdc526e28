/* SPDX-License-Identifier: MIT */
#include "kernel/timer.h"
#include "arch/x86_64/cpu/instructions.h"
#include "kernel/queue.h"
#include "kernel/thread.h"

static struct thread *timer_first(const struct cpu *cpu)
{
	return list_empty(&cpu->sleeping) ?
		       NULL :
		       LIST_ENTRY(cpu->sleeping.next, struct thread, sleep_node);
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
 * Marks the timer as up to date first, so that what another CPU changes afterwards makes it stale
 * again. Sets it only if the time has changed: that costs a slow write, or an exit in a VM.
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
 * A signal may be waking the thread on another CPU: its queue knows. It waits again only once this
 * CPU, its home, runs it.
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
