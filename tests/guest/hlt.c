/* SPDX-License-Identifier: MIT */
/* Shows that HLT waits for an interrupt, of whatever kind, and no longer than it must. */
#include "tests/guest/rt/devices.h"

#define ROUNDS 20u /* rounds of 10 ms each */

static u32 lapic_per_ms;

static u32 measure_lapic(void)
{
	u32 start = clock_ticks();

	trap_count[VECTOR_TIMER] = 0;
	for (u32 i = 0; i < ROUNDS; i++) {
		lapic_put(LAPIC_TIMER_INITIAL, 10 * lapic_per_ms);
		interrupts_on_and_halt();
	}
	return clock_us_since(start);
}

static void test_lapic(void)
{
	u64 tsc;

	trap_set_hook(VECTOR_TIMER, lapic_end_of_interrupt);
	lapic_per_ms = lapic_counts_per_ms();
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER);
	tsc = read_tsc();
	check_duration("lapic-200ms", measure_lapic, ROUNDS * 10000);
	check_equal("lapic-wakes", trap_count[VECTOR_TIMER], ROUNDS);
	check("tsc-goes-on", read_tsc() - tsc > 1000000, "the TSC stood still meanwhile");
}

static u32 measure_pit(void)
{
	u32 start = clock_ticks();

	pit_start(0, PIT_MODE_RATE, (u16)(PIT_HZ / 100));
	trap_count[VECTOR_PIC_MASTER] = 0;
	/* one interrupt may be left over from the last measurement */
	while (trap_count[VECTOR_PIC_MASTER] < ROUNDS + 1)
		interrupts_on_and_halt();
	return clock_us_since(start);
}

static void test_pit(void)
{
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	check_duration("pit-200ms", measure_pit, ROUNDS * 10000);
	pic_mask_all();
}

static void test_pending(void)
{
	u32 start = clock_ticks();

	trap_set_hook(VECTOR_LOW, lapic_end_of_interrupt);
	lapic_send_self(VECTOR_LOW);
	/* the interrupt is pending already, so that there is no halt at all */
	interrupts_on_and_halt();
	check_equal("pending-wakes", trap_count[VECTOR_LOW], 1);
	check("pending-at-once", clock_us_since(start) < 1000000, "it took a second");
}

/* An NMI ends HLT with interrupts off: the PIT's pin of the IOAPIC delivers one. */
static void test_nmi(void)
{
	pit_start(0, PIT_MODE_RATE, (u16)(PIT_HZ / 100));
	ioapic_route(2, APIC_NMI << APIC_DELIVERY_SHIFT);
	halt();
	ioapic_route(2, IOAPIC_ENTRY_MASKED);
	check_between("nmi", trap_count[VECTOR_NMI], 1, 100);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	test_lapic();
	test_pit();
	test_pending();
	test_nmi();
}
