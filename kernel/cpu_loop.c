/* SPDX-License-Identifier: MIT */
#include "kernel/cpu_loop.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/abi/pages.h"
#include "kernel/log.h"
#include "kernel/log_ring.h"
#include "kernel/machine.h"
#include "kernel/object_lock.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/teardown.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/vcpu.h"
#include "mm/tlb.h"

struct lock object_lock;

/* True when a step was done: there may be more. */
static bool tidy_up(void)
{
	bool more = tlb_pages_waiting() != 0;

	if (teardown_waiting()) {
		lock_acquire(&object_lock, LOCK_OBJECTS);
		more |= teardown_step();
		lock_release(&object_lock, LOCK_OBJECTS);
	}
	return more;
}

/* Nothing can run here: tidy up in small steps, then halt until an interrupt. */
static NOINLINE void idle(struct cpu *cpu)
{
	u64 began = rdtsc();

	if (tidy_up()) {
		sti_nop_cli();
		return;
	}
	__atomic_store_n(&cpu->idle, true, __ATOMIC_SEQ_CST);
	sched_beg(cpu);
	/*
	 * Anew, even if it is set: QEMU 7.2 may forget an interrupt that comes during VMRUN or
	 * #VMEXIT, and the CPU would sleep until the next (docs/platforms.md).
	 */
	cpu->armed_tsc = 0;
	timer_arm(cpu, 0);
	tlb_cpu_idle(cpu->id, true);
	cpu->counters->idle_since_tsc = began;
	if (cpu->pending == 0)
		sti_hlt_cli();
	cpu->counters->idle_since_tsc = 0;
	tlb_cpu_idle(cpu->id, false);
	__atomic_store_n(&cpu->idle, false, __ATOMIC_SEQ_CST);
	cpu->counters->wakeups++;
	cpu->counters->idle_tsc += rdtsc() - began;
}

/* The best thread takes the CPU; a dead one that the CPU still holds is forgotten. */
static void reschedule(struct cpu *cpu)
{
	struct thread *before = cpu->running;

	sched_next(cpu);
	if (before != NULL && before != cpu->running && before->guest != NULL)
		vcpu_preempt(before->guest);
	if (cpu->running != NULL)
		thread_load(cpu, cpu->running);
	thread_forget_dead(cpu);
}

/* What concerns objects, and so other CPUs too. */
static void settle_objects(struct cpu *cpu, u64 pending)
{
	lock_acquire(&object_lock, LOCK_OBJECTS);
	if ((pending & PENDING_TIMER) != 0)
		timer_expire(cpu);
	if ((pending & PENDING_LOG) != 0)
		signal_raise(&log_news);
	if ((pending & PENDING_GIVE) != 0)
		sched_give(cpu);
	if (sched_must_move(cpu))
		sched_move(cpu);
	lock_release(&object_lock, LOCK_OBJECTS);
}

/* By the offset into the image that it hit: the log is not to tell where images lie. */
static void log_nmi(struct cpu *cpu)
{
	u64 image = machine.boot->image_base.value;
	const struct thread *thread = cpu->nmi_rip < image ? cpu->thread : NULL;
	u64 base = thread ? thread->process->image_base : image;

	log_warning(LOG_CPU, "NMI: ring %lu, group %lu, image +%lx, %lu times", thread ? 3 : 0,
		    cpu->counters->tag, cpu->nmi_rip - base,
		    __atomic_exchange_n(&cpu->nmi_count, 0, __ATOMIC_RELAXED));
}

/* Works off every pending reason; returns with a thread loaded that can run, and here. */
static NOINLINE void settle(struct cpu *cpu)
{
	do {
		u64 pending = __atomic_exchange_n(&cpu->pending, 0, __ATOMIC_SEQ_CST);

		if ((pending & PENDING_MACHINE_CHECK) != 0)
			panic("machine check on CPU %u", cpu->id);
		if ((pending & PENDING_NMI) != 0)
			log_nmi(cpu);
		if ((pending & PENDING_UNLOAD) != 0)
			vcpu_unload(cpu);
		if ((pending & PENDING_TIMER) != 0) {
			sched_account(cpu);
			(void)tidy_up(); /* this CPU may never be idle */
			if (cpu->queue_tsc != 0 && rdtsc() >= cpu->queue_tsc)
				pending |= PENDING_RESCHEDULE;
			if (sched_balance_due(cpu))
				pending |= PENDING_GIVE;
		}
		if ((pending & (PENDING_TIMER | PENDING_LOG | PENDING_GIVE)) != 0 ||
		    sched_must_move(cpu))
			settle_objects(cpu, pending);
		if ((pending & PENDING_RESCHEDULE) != 0 || cpu->running == NULL)
			reschedule(cpu);
		tlb_cpu_passed(cpu->id);
		if (cpu->running == NULL && cpu->pending == 0)
			idle(cpu);
	} while (cpu->pending != 0 || cpu->running == NULL || sched_must_move(cpu));
}

static bool something_to_settle(const struct cpu *cpu)
{
	return cpu->pending != 0 || cpu->running == NULL || tlb_pages_waiting() != 0;
}

/*
 * A guest that never lets its CPU idle is interrupted while something waits to be given back, about
 * once in a millisecond: at round times, so that frequent exits do not put it off.
 */
#define TIDY_TSC_MASK ((1ull << 21) - 1)

static u64 guest_deadline(const struct vcpu *guest)
{
	if (likely(!teardown_waiting()))
		return guest->deadline_tsc;
	return MIN(guest->deadline_tsc - 1, rdtsc() | TIDY_TSC_MASK) + 1;
}

void cpu_loop(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *guest;

		if (unlikely(something_to_settle(cpu)))
			settle(cpu);
		guest = cpu->running->guest;
		if (guest == NULL) {
			timer_arm_briefly(cpu);
			cpu_return_to_user(cpu);
		}
		timer_arm(cpu, guest_deadline(guest));
		/* To the monitor with the timer as it was: nothing is later for ring 3. */
		if (vcpu_step(cpu, guest) && !something_to_settle(cpu))
			cpu_return_to_user(cpu);
	}
}
