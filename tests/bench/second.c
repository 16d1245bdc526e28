/* SPDX-License-Identifier: MIT */
/*
 * Starts a second CPU of a benchmark's guest and waits until it says so. Called by the guests of
 * this folder; copies the start code below 1 MiB.
 */
#include "tests/bench/second.h"
#include "tests/guest/rt/devices.h"

#define AP_AT	 0x8000u
#define START_US 10000u
#define LIMIT_US 3000000u

extern char ap_start[], ap_end[], ap_idt[];

void second_start(const volatile u32 *started)
{
	u8 *at = (u8 *)(word)AP_AT;

	check("pm-timer", clock_init(), "no FADT with a PM timer");
	for (word i = 0; i < (word)(ap_end - ap_start); i++)
		at[i] = (u8)ap_start[i];
	asm volatile("sidt (%0)" ::"r"(ap_idt) : "memory");
	lapic_put(LAPIC_ICR_HIGH, 1u << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, APIC_INIT << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	wait_us(START_US);
	lapic_put(LAPIC_ICR,
		  APIC_SIPI << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT | AP_AT >> 12);
	check("ap-start", wait_count(started, 1, LIMIT_US), "it does not come");
}
