/* SPDX-License-Identifier: MIT */
/*
 * A local APIC's timer: one-shot, periodic and TSC deadline. Called by lapic.c, lapic_msr.c,
 * exits_apic.c and platform.c; changes the timer's state and raises its LVT's interrupt.
 */
#include "lib/checked.h"
#include "vmm/monitor/irqchip/irqchip.h"

/*
 * The one-shot and periodic modes keep only the guest time at which the count reaches 0, from which
 * the count is computed. Ticks are nanoseconds times the divider (see LAPIC_BUS_HZ).
 */

/* A timer interrupt that the guest has not yet taken is not repeated faster than this. */
#define REPEAT_MIN_NS (50 * NS_PER_US)

static u32 lapic_timer_mode(const struct lapic *lapic)
{
	return lapic_get(lapic, LAPIC_LVT_TIMER) & (u32)LAPIC_LVT_TIMER_MODE;
}

/*
 * Returns the divider: bits 3, 1, 0 give 2, 4, ... 128, and 111b gives 1 (SDM vol. 3, figure
 * 11-10).
 */
static u32 lapic_timer_divider(const struct lapic *lapic)
{
	u32 value = lapic_get(lapic, LAPIC_TIMER_DIVIDE);

	return 1u << (((value & 3) + (value >> 1 & 4) + 1) & 7);
}

static u64 lapic_now_ns(const struct lapic *lapic)
{
	return lapic->irqchip->clock->now_ns;
}

u32 lapic_timer_current(const struct lapic *lapic)
{
	u64 expiry = lapic->state.timer_expiry_ns;
	u32 divider = lapic_timer_divider(lapic);

	if (expiry == DEADLINE_NONE || expiry <= lapic_now_ns(lapic))
		return 0;
	return (u32)MIN((expiry - lapic_now_ns(lapic) + divider - 1) / divider, ~0u);
}

static void lapic_timer_start(struct lapic *lapic, u32 count)
{
	lapic->state.timer_expiry_ns =
		count == 0 ? DEADLINE_NONE
			   : lapic_now_ns(lapic) + (u64)count * lapic_timer_divider(lapic);
}

void lapic_timer_write(struct lapic *lapic, u32 offset, u32 value)
{
	u32 old_mode = lapic_timer_mode(lapic);
	u32 current;

	lapic_tick(lapic); /* fires the timer if it was due under the old setting */
	switch (offset) {
	case LAPIC_TIMER_INITIAL:
		/* writes are ignored in TSC-deadline mode (SDM vol. 3, 11.5.4.1) */
		if (old_mode == LAPIC_LVT_TIMER_TSC_DEADLINE)
			break;
		lapic_set(lapic, LAPIC_TIMER_INITIAL, value);
		lapic_timer_start(lapic, value);
		break;
	case LAPIC_TIMER_DIVIDE:
		/*
		 * The timer's count continues from its present value, at the rate of the new
		 * divider.
		 */
		current = lapic_timer_current(lapic);
		lapic_set(lapic, LAPIC_TIMER_DIVIDE, value & 0xb);
		if (lapic->state.timer_expiry_ns != DEADLINE_NONE)
			lapic_timer_start(lapic, current);
		break;
	default:
		lapic_set(lapic, LAPIC_LVT_TIMER, value);
		/*
		 * One-shot and periodic mode share the count; a change to or from TSC-deadline mode
		 * disarms the timer.
		 */
		if ((old_mode == LAPIC_LVT_TIMER_TSC_DEADLINE) !=
		    (lapic_timer_mode(lapic) == LAPIC_LVT_TIMER_TSC_DEADLINE)) {
			lapic_set(lapic, LAPIC_TIMER_INITIAL, 0);
			lapic->state.timer_expiry_ns = DEADLINE_NONE;
			lapic->state.tsc_deadline = 0;
		}
		break;
	}
}

u64 lapic_timer_get_deadline(const struct lapic *lapic)
{
	return lapic->state.tsc_deadline;
}

void lapic_timer_set_deadline(struct lapic *lapic, u64 tsc)
{
	if (lapic_timer_mode(lapic) != LAPIC_LVT_TIMER_TSC_DEADLINE)
		return;
	lapic->state.tsc_deadline = tsc;
	lapic_tick(lapic);
}

bool lapic_timer_rearm(struct lapic *lapic, u64 tsc)
{
	u32 entry = lapic_get(lapic, LAPIC_LVT_TIMER);

	if (lapic_timer_mode(lapic) != LAPIC_LVT_TIMER_TSC_DEADLINE || entry & LAPIC_LVT_MASKED ||
	    lapic_is_requested(lapic, entry & LAPIC_LVT_VECTOR))
		return false;
	lapic->state.tsc_deadline = tsc;
	return true;
}

bool lapic_timer_expire(struct lapic *lapic, u64 guest_tsc)
{
	if (lapic_timer_mode(lapic) != LAPIC_LVT_TIMER_TSC_DEADLINE ||
	    lapic->state.tsc_deadline == 0 || guest_tsc < lapic->state.tsc_deadline)
		return false;
	lapic->state.tsc_deadline = 0;
	lapic_local(lapic, LAPIC_LVT_TIMER);
	return true;
}

void lapic_tick(struct lapic *lapic)
{
	u64 expiry = lapic->state.timer_expiry_ns;
	u64 period;

	if (lapic_timer_mode(lapic) == LAPIC_LVT_TIMER_TSC_DEADLINE) {
		(void)lapic_timer_expire(lapic, lapic->irqchip->clock->guest_tsc);
		return;
	}
	if (expiry == DEADLINE_NONE || expiry > lapic_now_ns(lapic))
		return;

	/* Several missed periods make one interrupt, as IRR has one bit for the vector. */
	period = (u64)lapic_get(lapic, LAPIC_TIMER_INITIAL) * lapic_timer_divider(lapic);
	if (lapic_timer_mode(lapic) == LAPIC_LVT_TIMER_PERIODIC && period != 0)
		expiry += ((lapic_now_ns(lapic) - expiry) / period + 1) * period;
	else
		expiry = DEADLINE_NONE;
	lapic->state.timer_expiry_ns = expiry;
	lapic_local(lapic, LAPIC_LVT_TIMER);
}

/* Returns the guest time at which the timer expires. */
static u64 lapic_expiry_ns(const struct lapic *lapic)
{
	const struct machine_clock *clock = lapic->irqchip->clock;
	u64 tsc = lapic->state.tsc_deadline;
	u64 wait_ns;

	if (lapic_timer_mode(lapic) != LAPIC_LVT_TIMER_TSC_DEADLINE)
		return lapic->state.timer_expiry_ns;
	if (tsc == 0)
		return DEADLINE_NONE;
	if (tsc <= clock->guest_tsc)
		return clock->now_ns;
	/*
	 * The wait is rounded up by 1 ns, so as not to end a little before the TSC has reached the
	 * deadline.
	 */
	wait_ns = mul_div(tsc - clock->guest_tsc, NS_PER_MS, clock->tsc_khz);
	return wait_ns < DEADLINE_NONE - 1 - clock->now_ns ? clock->now_ns + wait_ns + 1
							   : DEADLINE_NONE;
}

u64 lapic_deadline(const struct lapic *lapic)
{
	u32 entry = lapic_get(lapic, LAPIC_LVT_TIMER);
	u64 expiry = lapic_expiry_ns(lapic);

	/*
	 * The expiry of a masked timer changes nothing that cannot be computed later: no vCPU need
	 * be woken for it.
	 */
	if (entry & LAPIC_LVT_MASKED)
		return DEADLINE_NONE;
	/*
	 * A request that still waits in IRR is repeated late, so that even a period of one tick
	 * lets the guest run. An expiry that is already due is not put off, or each call would put
	 * it off again.
	 */
	if (expiry > lapic_now_ns(lapic) && lapic_is_requested(lapic, entry & LAPIC_LVT_VECTOR))
		return MAX(expiry, lapic_now_ns(lapic) + REPEAT_MIN_NS);
	return expiry;
}
