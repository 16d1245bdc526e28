/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/lapic.h"

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/hw/lapic.h"
#include "arch/x86_64/hw/msr.h"
#include "lib/checked.h"

#define CALIBRATION_ROUNDS   8u
#define CALIBRATION_NS	     (2 * NS_PER_MS)
#define CALIBRATION_DOUBT_NS (4 * NS_PER_US) /* good enough */
#define RATIO_SHIFT	     32

/* The same for all CPUs, written before the second one starts. */
static volatile u32 *registers;
static u64 timer_ratio; /* timer ticks per TSC tick, times 2^RATIO_SHIFT */

static u32 reg_read(enum lapic_reg reg)
{
	if (features.x2apic)
		return (u32)rdmsr(MSR_X2APIC_BASE + ((u32)reg >> 4));
	return registers[reg / 4];
}

static void reg_write(enum lapic_reg reg, u32 value)
{
	if (features.x2apic)
		wrmsr(MSR_X2APIC_BASE + ((u32)reg >> 4), value);
	else
		registers[reg / 4] = value;
}

/* SDM vol. 3, 11.12.5: x2APIC mode is entered from xAPIC mode, and left only through "disabled". */
void lapic_enable(volatile void *mapped, u8 spurious_vector)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_EN;

	registers = mapped;
	wrmsr(MSR_APIC_BASE, base);
	if (features.x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);

	reg_write(LAPIC_SVR, (u32)(LAPIC_SVR_ENABLE | spurious_vector));
	reg_write(LAPIC_TPR, 0);
	reg_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	reg_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
	reg_write(LAPIC_LVT_LINT0, LAPIC_LVT_MASKED);
	reg_write(LAPIC_LVT_LINT1, APIC_NMI << APIC_DELIVERY_SHIFT);
}

u32 lapic_id(void)
{
	u32 id = reg_read(LAPIC_ID);

	return features.x2apic ? id : id >> LAPIC_XAPIC_ID_SHIFT;
}

void lapic_eoi(void)
{
	reg_write(LAPIC_EOI, 0);
}

/*
 * Whoever takes the interrupt must see earlier stores: an x2APIC WRMSR does not wait for them. In
 * xAPIC mode the ICR takes one command at a time (SDM vol. 3, 11.6.1).
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
	while ((reg_read(LAPIC_ICR) & LAPIC_ICR_PENDING) != 0)
		pause();
	reg_write(LAPIC_ICR_HIGH, apic_id << LAPIC_XAPIC_ID_SHIFT);
	reg_write(LAPIC_ICR, (u32)command);
}

/* xAPIC: leaves ICR_HIGH alone, which the interrupted code may just have written. */
void lapic_send_self(u8 vector)
{
	reg_write(LAPIC_ICR, (u32)(LAPIC_ICR_SHORTHAND_SELF | LAPIC_ICR_ASSERT | vector));
}

/*
 * Lets the timer count for a while and reads the TSC before and after its start and its end.
 * Returns the uncertainty in TSC ticks, which any delay of this CPU makes larger.
 */
static u64 timer_measure_once(u64 *ratio)
{
	u64 wait = tsc_from_ns(CALIBRATION_NS);
	u64 start_low;
	u64 start_high;
	u64 end_low;
	u64 end_high;
	u64 left;

	start_low = rdtsc_ordered();
	reg_write(LAPIC_TIMER_INITIAL, ~0u);
	start_high = rdtsc_ordered();
	do {
		end_low = rdtsc_ordered();
	} while (end_low - start_high < wait);
	left = reg_read(LAPIC_TIMER_CURRENT);
	end_high = rdtsc_ordered();
	reg_write(LAPIC_TIMER_INITIAL, 0);
	*ratio = mul_div(~0u - left, BIT(RATIO_SHIFT + 1),
			 end_low + end_high - start_low - start_high);
	return end_high - end_low + start_high - start_low;
}

static void timer_measure(void)
{
	u64 best = ~0ull;

	for (u32 i = 0; i < CALIBRATION_ROUNDS && best > tsc_from_ns(CALIBRATION_DOUBT_NS); i++) {
		u64 ratio;
		u64 doubt = timer_measure_once(&ratio);

		if (doubt >= best)
			continue;
		best = doubt;
		timer_ratio = ratio;
	}
}

void lapic_timer_init(u8 vector)
{
	if (features.tsc_deadline) {
		reg_write(LAPIC_LVT_TIMER, (u32)(LAPIC_LVT_TIMER_TSC_DEADLINE | vector));
		/* SDM vol. 3, 11.5.4.1: the mode must be set before the first deadline is. */
		mfence();
		return;
	}
	reg_write(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	reg_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	if (timer_ratio == 0)
		timer_measure();
	reg_write(LAPIC_LVT_TIMER, (u32)(LAPIC_LVT_TIMER_ONE_SHOT | vector));
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
		count += (unsigned __int128)(deadline_tsc - now) * timer_ratio >> RATIO_SHIFT;
	reg_write(LAPIC_TIMER_INITIAL, (u32)MIN(count, 0xffffffffu));
}
