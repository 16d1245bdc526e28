/* SPDX-License-Identifier: MIT */
/*
 * Turns on a CPU's local APIC and measures the rate of its timer. boot/init/machine.c calls it on
 * each CPU for itself. It writes the local APIC's registers; the running kernel uses
 * arch/x86_64/cpu/lapic.c.
 */
#include "arch/x86_64/cpu/lapic.h"

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/hw/msr.h"
#include "boot/init/init.h"
#include "lib/checked.h"

#define CALIBRATION_ROUNDS 8u
#define CALIBRATION_NS	   (2 * NS_PER_MS)
/* the uncertainty of the timer's rate at which no further measurement is made */
#define CALIBRATION_DOUBT_NS (4 * NS_PER_US)

/*
 * Turns the local APIC on. x2APIC mode is entered from xAPIC mode, and left only through "disabled"
 * (SDM vol. 3, 11.12.5).
 */
void lapic_enable(volatile void *mapped, u8 spurious_vector)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_EN;

	lapic_registers = mapped;
	wrmsr(MSR_APIC_BASE, base);
	if (features.x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);

	lapic_reg_write(LAPIC_SVR, (u32)(LAPIC_SVR_ENABLE | spurious_vector));
	lapic_reg_write(LAPIC_TPR, 0);
	lapic_reg_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	lapic_reg_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
	lapic_reg_write(LAPIC_LVT_LINT0, LAPIC_LVT_MASKED);
	lapic_reg_write(LAPIC_LVT_LINT1, APIC_NMI << APIC_DELIVERY_SHIFT);
}

/*
 * Lets the local APIC's timer count for a while and reads the TSC before and after its start and
 * its end. Returns the uncertainty in TSC ticks, which any delay of this CPU makes larger.
 */
static u64 lapic_timer_measure_once(u64 *ratio)
{
	u64 wait = tsc_from_ns(CALIBRATION_NS);
	u64 start_low;
	u64 start_high;
	u64 end_low;
	u64 end_high;
	u64 left;

	start_low = rdtsc_ordered();
	lapic_reg_write(LAPIC_TIMER_INITIAL, ~0u);
	start_high = rdtsc_ordered();
	do {
		end_low = rdtsc_ordered();
	} while (end_low - start_high < wait);
	left = lapic_reg_read(LAPIC_TIMER_CURRENT);
	end_high = rdtsc_ordered();
	lapic_reg_write(LAPIC_TIMER_INITIAL, 0);
	*ratio = mul_div(~0u - left, BIT(LAPIC_RATIO_SHIFT + 1),
			 end_low + end_high - start_low - start_high);
	return end_high - end_low + start_high - start_low;
}

static void lapic_timer_measure(void)
{
	u64 best = ~0ull;

	for (u32 i = 0; i < CALIBRATION_ROUNDS && best > tsc_from_ns(CALIBRATION_DOUBT_NS); i++) {
		u64 ratio;
		u64 doubt = lapic_timer_measure_once(&ratio);

		if (doubt >= best)
			continue;
		best = doubt;
		lapic_timer_ratio = ratio;
	}
}

void lapic_timer_init(u8 vector)
{
	if (features.tsc_deadline) {
		lapic_reg_write(LAPIC_LVT_TIMER, (u32)(LAPIC_LVT_TIMER_TSC_DEADLINE | vector));
		/*
		 * The timer's mode must be set before its first deadline is (SDM vol. 3, 11.5.4.1).
		 */
		mfence();
		return;
	}
	lapic_reg_write(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_reg_write(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
	if (lapic_timer_ratio == 0)
		lapic_timer_measure();
	lapic_reg_write(LAPIC_LVT_TIMER, (u32)(LAPIC_LVT_TIMER_ONE_SHOT | vector));
}
