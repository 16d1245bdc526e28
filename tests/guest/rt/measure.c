/* SPDX-License-Identifier: MIT */
/*
 * Measures durations against the PM timer, and the local APIC's timer. Called by guests that check
 * timers; repeats what a busy host has disturbed.
 */
#include "tests/guest/rt/devices.h"

#define ATTEMPTS       60u /* attempts at a measurement; a busy host interrupts most of them */
#define CALIBRATION_US 20000u
#define CLOSE_US       100u

void check_duration(const char *name, u32 (*measure)(void), u32 us)
{
	u32 shortest = ~0u;

	for (u32 i = 0; i < ATTEMPTS && shortest > us + us / 2; i++) {
		u32 measured = measure();

		if (measured < shortest)
			shortest = measured;
	}
	check_between(name, shortest, us - us / 50 - 20, us + us / 2);
}

/*
 * Measures the local APIC timer's counts in a millisecond. Both clocks must be read at the same
 * time: an attempt interrupted in between is not used.
 */
u32 lapic_counts_per_ms(void)
{
	u32 per_ms = 0;
	u32 closest = ~0u;

	lapic_put(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | VECTOR_TIMER);
	lapic_put(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	for (u32 i = 0; i < ATTEMPTS && closest > CLOSE_US; i++) {
		u32 start = clock_ticks();
		u32 counted;
		u32 slack;
		u32 us;

		lapic_put(LAPIC_TIMER_INITIAL, 0xffffffff);
		slack = clock_us_since(start);
		wait_us(CALIBRATION_US);
		us = clock_us_since(start);
		counted = 0xffffffff - lapic_get(LAPIC_TIMER_CURRENT);
		slack += clock_us_since(start) - us;
		if (slack < closest) {
			closest = slack;
			per_ms = counted / (us / 1000);
		}
	}
	lapic_put(LAPIC_TIMER_INITIAL, 0);
	return per_ms;
}
