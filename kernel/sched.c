/* SPDX-License-Identifier: MIT */
#include "kernel/sched.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "kernel/cpus.h"
#include "kernel/group.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "lib/checked.h"

void sched_init(struct cpu *cpu)
{
	list_init(&cpu->ready);
	list_init(&cpu->sleeping);
}

static u32 load_of(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->ready_count, __ATOMIC_RELAXED) + !cpu->idle;
}

struct cpu *sched_place(void)
{
	struct cpu *best = this_cpu();

	for (u32 id = 0; id < cpus_count(); id++) {
		if (load_of(cpus_get(id)) < load_of(best))
			best = cpus_get(id);
	}
	return best;
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
	cpu->ready_count++;
}

/*
 * A sleeper is credited with half a slice at most: enough to be served at once, too little to
 * starve those who worked meanwhile.
 */
static void insert_sleeper(struct cpu *cpu, struct thread *thread)
{
	u64 floor = cpu->virtual_time - tsc_from_ns(SCHED_SLICE_NS / 2);

	if ((s64)(thread->virtual_time - floor) < 0)
		thread->virtual_time = floor;
	insert_by_virtual_time(cpu, thread);
}

/* The home is busy with something else: a CPU that halts may come and take the thread. */
static void wake_beggar(void)
{
	for (u32 id = 0; id < cpus_count(); id++) {
		struct cpu *cpu = cpus_get(id);

		if (__atomic_load_n(&cpu->idle, __ATOMIC_RELAXED)) {
			cpus_pend(cpu, PENDING_RESCHEDULE);
			return;
		}
	}
}

void sched_ready(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;
	struct thread *running;
	bool look;

	lock_acquire(&cpu->lock);
	insert_sleeper(cpu, thread);
	running = cpu->running;
	look = running == NULL || (s64)(running->virtual_time - thread->virtual_time) > 0;
	if (!look && cpu->slice_end_tsc == 0)
		cpu->slice_end_tsc = rdtsc() + tsc_from_ns(SCHED_SLICE_NS);
	lock_release(&cpu->lock);

	if (look || cpu != this_cpu())
		cpus_pend(cpu, look ? PENDING_RESCHEDULE : PENDING_TIMER);
	if (running != NULL && cpus_count() > 1)
		wake_beggar();
}

void sched_remove(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;

	lock_acquire(&cpu->lock);
	if (!list_empty(&thread->ready_node)) {
		list_remove(&thread->ready_node);
		cpu->ready_count--;
	}
	lock_release(&cpu->lock);
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
	__atomic_fetch_add(&group->page->cpu_tsc, ran, __ATOMIC_RELAXED);
	thread->virtual_time += mul_div(ran, GROUP_WEIGHT_DEFAULT, group->weight);
}

void sched_account_idle(struct cpu *cpu)
{
	cpu->switched_tsc = rdtsc();
}

void sched_block(struct cpu *cpu)
{
	sched_account(cpu);
	lock_acquire(&cpu->lock);
	cpu->running = NULL;
	lock_release(&cpu->lock);
	cpus_pend(cpu, PENDING_RESCHEDULE);
}

static struct thread *take_first(struct cpu *cpu)
{
	struct thread *thread;

	if (list_empty(&cpu->ready))
		return NULL;
	thread = LIST_ENTRY(cpu->ready.next, struct thread, ready_node);
	list_remove(&thread->ready_node);
	cpu->ready_count--;
	return thread;
}

void sched_next(struct cpu *cpu)
{
	struct thread *next;

	sched_account(cpu);
	lock_acquire(&cpu->lock);
	if (cpu->running != NULL && cpu->running->state == THREAD_READY)
		insert_by_virtual_time(cpu, cpu->running);
	next = take_first(cpu);
	cpu->running = next;
	cpu->slice_end_tsc = 0;
	if (next != NULL && (s64)(next->virtual_time - cpu->virtual_time) > 0)
		cpu->virtual_time = next->virtual_time;
	if (next != NULL && cpu->ready_count != 0)
		cpu->slice_end_tsc = rdtsc() + tsc_from_ns(SCHED_SLICE_NS);
	lock_release(&cpu->lock);
}

void sched_beg(struct cpu *cpu)
{
	struct cpu *victim = cpu;
	u32 none = 0;

	for (u32 id = 0; id < cpus_count(); id++) {
		if (cpus_get(id)->ready_count > victim->ready_count)
			victim = cpus_get(id);
	}
	if (victim != cpu && __atomic_compare_exchange_n(&victim->beggar, &none, cpu->id + 1, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		cpus_pend(victim, PENDING_GIVE);
}

/* Virtual time is relative to the queue's: the thread is as far behind there as it was here. */
void sched_give(struct cpu *cpu)
{
	u32 beggar = __atomic_exchange_n(&cpu->beggar, 0, __ATOMIC_RELAXED);
	struct thread *thread;
	struct cpu *target;

	if (beggar == 0)
		return;
	target = cpus_get(beggar - 1);
	lock_acquire(&cpu->lock);
	thread = take_first(cpu);
	lock_release(&cpu->lock);
	if (thread == NULL)
		return;
	if (thread->guest != NULL)
		vcpu_let_go(cpu, thread->guest);
	thread->virtual_time += target->virtual_time - cpu->virtual_time;
	thread->cpu = target;
	sched_ready(thread);
}
