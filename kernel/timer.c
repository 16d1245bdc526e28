/* SPDX-License-Identifier: MIT */
#include "kernel/timer.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/thread.h"

void timer_sleep(struct cpu *cpu, struct thread *thread)
{
	struct list *position = &cpu->sleeping;

	LIST_FOR_EACH(node, &cpu->sleeping) {
		if (LIST_ENTRY(node, struct thread, sleep_node)->wake_tsc > thread->wake_tsc) {
			position = node;
			break;
		}
	}
	list_insert_before(position, &thread->sleep_node);
}

void timer_cancel(struct thread *thread)
{
	list_remove(&thread->sleep_node);
}

void timer_expire(struct cpu *cpu)
{
	while (!list_empty(&cpu->sleeping)) {
		struct thread *thread = LIST_ENTRY(cpu->sleeping.next, struct thread, sleep_node);

		if (thread->wake_tsc > rdtsc())
			break;
		thread_wake(thread, STATUS_TIMED_OUT, 0);
	}
}

static u64 earlier(u64 a, u64 b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* Setting the timer costs an exit on hypervisors below and a slow write on hardware: only changes. */
void timer_arm(struct cpu *cpu, u64 deadline)
{
	u64 next = earlier(deadline, cpu->slice_end_tsc);

	if (!list_empty(&cpu->sleeping))
		next = earlier(next, LIST_ENTRY(cpu->sleeping.next, struct thread, sleep_node)->wake_tsc);
	if (next == cpu->armed_tsc)
		return;
	cpu->armed_tsc = next;
	if (next != 0)
		lapic_timer_set(next);
	else
		lapic_timer_stop();
}
