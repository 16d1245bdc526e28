/* SPDX-License-Identifier: MIT */
#include "kernel/sched.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "kernel/group.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "lib/checked.h"

void sched_init(struct cpu *cpu)
{
	list_init(&cpu->ready);
	list_init(&cpu->sleeping);
}

static void insert_by_virtual_time(struct cpu *cpu, struct thread *thread)
{
	struct list *position = &cpu->ready;

	LIST_FOR_EACH(node, &cpu->ready) {
		struct thread *other = LIST_ENTRY(node, struct thread, ready_node);

		if ((s64)(other->virtual_time - thread->virtual_time) > 0) {
			position = node;
			break;
		}
	}
	list_insert_before(position, &thread->ready_node);
}

void sched_account_idle(struct cpu *cpu)
{
	cpu->switched_tsc = rdtsc();
}

/*
 * A sleeper is credited with half a slice at most: enough to be served at once, too little to
 * starve those who worked meanwhile.
 */
void sched_ready(struct cpu *cpu, struct thread *thread)
{
	u64 floor = cpu->virtual_time - tsc_from_ns(SCHED_SLICE_NS / 2);
	struct thread *running = cpu->running;

	if ((s64)(thread->virtual_time - floor) < 0)
		thread->virtual_time = floor;
	insert_by_virtual_time(cpu, thread);
	if (running == NULL) {
		cpu->pending |= PENDING_RESCHEDULE;
		return;
	}
	sched_account(cpu);
	if ((s64)(running->virtual_time - thread->virtual_time) > 0)
		cpu->pending |= PENDING_RESCHEDULE;
	else if (cpu->slice_end_tsc == 0)
		cpu->slice_end_tsc = rdtsc() + tsc_from_ns(SCHED_SLICE_NS);
}

void sched_remove(struct thread *thread)
{
	list_remove(&thread->ready_node);
}

void sched_account(struct cpu *cpu)
{
	struct thread *thread = cpu->running;
	u64 now = rdtsc();
	u64 ran = now - cpu->switched_tsc;
	struct group *group;

	cpu->switched_tsc = now;
	if (thread == NULL)
		return;
	group = thread->process->group;
	group->page->cpu_tsc += ran;
	thread->virtual_time += mul_div(ran, GROUP_WEIGHT_DEFAULT, group->weight);
	if ((s64)(thread->virtual_time - cpu->virtual_time) > 0 && list_empty(&cpu->ready))
		cpu->virtual_time = thread->virtual_time;
}

struct thread *sched_pick(struct cpu *cpu)
{
	struct thread *thread;

	if (list_empty(&cpu->ready)) {
		cpu->slice_end_tsc = 0;
		return NULL;
	}
	thread = LIST_ENTRY(cpu->ready.next, struct thread, ready_node);
	list_remove(&thread->ready_node);
	if ((s64)(thread->virtual_time - cpu->virtual_time) > 0)
		cpu->virtual_time = thread->virtual_time;
	cpu->slice_end_tsc =
		list_empty(&cpu->ready) ? 0 : rdtsc() + tsc_from_ns(SCHED_SLICE_NS);
	return thread;
}
