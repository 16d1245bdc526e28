/* SPDX-License-Identifier: MIT */
/*
 * Makes interrupts go wrong on demand: a vector that nobody expects, a CPU that hears no kicks, a
 * timer that is lost. Called by the fault commands of test images; wraps the kernel's local APIC.
 */
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/lapic.h"
#include "kernel/sched/thread.h"
#include "tests/faults/kernel/kernel.h"

static u64 deaf = ~0ull; /* the id of the APIC that gets no interrupts */
static bool timer_lost;

void fault_interrupt(u8 vector)
{
	/*
	 * The spurious vector is not sent by the APIC: it would stay in service, as spurious
	 * interrupts get no EOI.
	 */
	if (vector == VECTOR_SPURIOUS)
		__asm__ volatile("int %0" : : "i"(VECTOR_SPURIOUS) : "memory");
	else
		lapic_send(this_cpu()->apic_id, APIC_FIXED, vector);
}

void fault_lose_kicks(u32 apic_id)
{
	deaf = apic_id;
}

void fault_lose_timer(void)
{
	timer_lost = true;
}

void __real_lapic_timer_set(u64 deadline_tsc);
void __wrap_lapic_timer_set(u64 deadline_tsc);
void __wrap_lapic_timer_set(u64 deadline_tsc)
{
	const struct thread *running = this_cpu()->running;

	if (timer_lost && running != NULL && running->guest != NULL)
		deadline_tsc = 0;
	__real_lapic_timer_set(deadline_tsc);
}

void __real_lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector);
void __wrap_lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector);
void __wrap_lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector)
{
	if (apic_id != deaf || delivery != APIC_FIXED)
		__real_lapic_send(apic_id, delivery, vector);
}
