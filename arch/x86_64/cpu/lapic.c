/* SPDX-License-Identifier: MIT */
/*
 * The running CPU's local APIC, by memory or by x2APIC MSRs: EOI, IPIs and the one-shot timer.
 * kernel/cpu/trap.c ends interrupts, cpus.c sends IPIs, kernel/sched/timer.c sets the timer;
 * boot/init sets it up. It owns the local APIC's registers; each CPU touches only its own local
 * APIC, without a lock.
 */
#include "arch/x86_64/cpu/lapic.h"

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/lapic.h"
#include "arch/x86_64/hw/msr.h"

volatile u32 *lapic_registers;
u64 lapic_timer_ratio;

u32 lapic_reg_read(enum lapic_reg reg)
{
	if (features.x2apic)
		return (u32)rdmsr(MSR_X2APIC_BASE + ((u32)reg >> 4));
	return lapic_registers[reg / 4];
}

void lapic_reg_write(enum lapic_reg reg, u32 value)
{
	if (features.x2apic)
		wrmsr(MSR_X2APIC_BASE + ((u32)reg >> 4), value);
	else
		lapic_registers[reg / 4] = value;
}

u32 lapic_id(void)
{
	u32 id = lapic_reg_read(LAPIC_ID);

	return features.x2apic ? id : id >> LAPIC_XAPIC_ID_SHIFT;
}

void lapic_eoi(void)
{
	lapic_reg_write(LAPIC_EOI, 0);
}

/*
 * Sends an IPI. The CPU that takes the interrupt must see earlier stores, and an x2APIC WRMSR does
 * not wait for them: hence MFENCE. In xAPIC mode the ICR takes one command at a time (SDM vol. 3,
 * 11.6.1).
 */
void lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector)
{
	u64 command = LAPIC_ICR_ASSERT | (u64)delivery << APIC_DELIVERY_SHIFT | vector;

	mfence();
	if (features.x2apic) {
		wrmsr(MSR_X2APIC_BASE + (LAPIC_ICR >> 4),
		      (u64)apic_id << LAPIC_ICR_X2_DESTINATION_SHIFT | command);
		return;
	}
	while ((lapic_reg_read(LAPIC_ICR) & LAPIC_ICR_PENDING) != 0)
		pause();
	lapic_reg_write(LAPIC_ICR_HIGH, apic_id << LAPIC_XAPIC_ID_SHIFT);
	lapic_reg_write(LAPIC_ICR, (u32)command);
}

/* Does not write xAPIC's ICR_HIGH, which the interrupted code may just have written for an IPI. */
void lapic_send_self(u8 vector)
{
	lapic_reg_write(LAPIC_ICR, (u32)(LAPIC_ICR_SHORTHAND_SELF | LAPIC_ICR_ASSERT | vector));
}

void lapic_timer_set(u64 deadline_tsc)
{
	unsigned __int128 count = deadline_tsc != 0;
	u64 now;

	if (features.tsc_deadline) {
		wrmsr(MSR_TSC_DEADLINE, deadline_tsc);
		return;
	}
	now = rdtsc();
	if (deadline_tsc > now)
		count += (unsigned __int128)(deadline_tsc - now) * lapic_timer_ratio >>
			 LAPIC_RATIO_SHIFT;
	lapic_reg_write(LAPIC_TIMER_INITIAL, (u32)MIN(count, 0xffffffffu));
}
