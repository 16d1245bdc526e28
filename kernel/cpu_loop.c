/* SPDX-License-Identifier: MIT */
#include "kernel/cpu_loop.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/abi/pages.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/teardown.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/vcpu.h"
#include "mm/tlb.h"

/* Nothing can run: tidy up in small steps, then halt until an interrupt makes a thread ready. */
static void idle(struct cpu *cpu)
{
	u64 began = rdtsc();

	if (teardown_step() || tlb_pages_waiting() != 0) {
		sti_nop_cli();
		return;
	}
	timer_arm(cpu, 0);
	tlb_cpu_idle(cpu->id, true);
	sti_hlt_cli();
	tlb_cpu_idle(cpu->id, false);
	cpu->counters->wakeups++;
	cpu->counters->idle_tsc += rdtsc() - began;
}

static void reschedule(struct cpu *cpu)
{
	sched_account(cpu);
	if (cpu->running != NULL)
		sched_ready(cpu, cpu->running);
	cpu->pending &= ~(u64)PENDING_RESCHEDULE;
	cpu->running = sched_pick(cpu);
	if (cpu->running != NULL)
		thread_load(cpu, cpu->running);
}

/* Works off every pending reason; returns with a thread loaded that can run. */
static void settle(struct cpu *cpu)
{
	do {
		u64 pending = __atomic_exchange_n(&cpu->pending, 0, __ATOMIC_RELAXED);

		if ((pending & PENDING_MACHINE_CHECK) != 0)
			panic("machine check on CPU %u", cpu->id);
		if ((pending & PENDING_NMI) != 0)
			log_warning(LOG_CPU, "NMI");
		if ((pending & PENDING_TIMER) != 0) {
			timer_expire(cpu);
			if (cpu->slice_end_tsc != 0 && rdtsc() >= cpu->slice_end_tsc)
				pending |= PENDING_RESCHEDULE;
		}
		if ((pending & PENDING_RESCHEDULE) != 0 || (cpu->pending & PENDING_RESCHEDULE) != 0 ||
		    cpu->running == NULL)
			reschedule(cpu);
		tlb_cpu_passed(cpu->id);
		if (cpu->running == NULL) {
			idle(cpu);
			sched_account_idle(cpu);
		}
	} while (cpu->pending != 0 || cpu->running == NULL);
}

void cpu_loop(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *guest;

		if (cpu->pending != 0 || cpu->running == NULL || tlb_pages_waiting() != 0)
			settle(cpu);
		guest = cpu->running->guest;
		timer_arm(cpu, guest != NULL ? guest->deadline_tsc : 0);
		if (guest != NULL)
			vcpu_step(cpu, guest);
		else
			cpu_return_to_user(cpu);
	}
}
