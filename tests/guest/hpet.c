/* SPDX-License-Identifier: MIT */
/* Does the HPET count and interrupt as its specification says? The PM timer is the reference. */
#include "tests/guest/rt/devices.h"
#include "vmm/hw/hpet.h"

#define LIMIT_US  5000000u
#define SHORT_US  20000u /* the time for which nothing may come */
#define PIN	  20u	 /* a pin that no other device has */
#define PIN_PIT	  2u
#define FS_PER_MS (NS_PER_MS * 1000000)

static volatile u32 *const count = &trap_count[VECTOR_IOAPIC];
static u64 per_ms; /* the HPET's counts in a millisecond */

static volatile u64 *hpet(u32 offset)
{
	return (volatile u64 *)(HPET_DEFAULT_ADDRESS + offset);
}

static volatile u64 *timer(u32 number, u32 offset)
{
	return hpet(HPET_TIMERS + number * HPET_TIMER_BYTES + offset);
}

static u64 counter(void)
{
	return *hpet(HPET_COUNTER);
}

static void test_capabilities(void)
{
	u64 capabilities = *hpet(HPET_CAPABILITIES);
	u64 period = capabilities >> HPET_PERIOD_SHIFT;

	check_between("period", period, 1, 100000000); /* 2.3.4: fs, at most 100 ns */
	check_equal("legacy-capable", capabilities & HPET_LEGACY_CAPABLE, HPET_LEGACY_CAPABLE);
	check_between("timers", capabilities >> HPET_TIMER_LAST_SHIFT & 0x1f, 2, 31);
	check("routes", *timer(2, HPET_TIMER_CONFIGURATION) >> HPET_TIMER_ROUTES_SHIFT >> PIN & 1,
	      "timer 2 cannot be routed to pin 20");
	per_ms = FS_PER_MS / period;
}

static u32 measure_counter(void)
{
	u64 end = counter() + 20 * per_ms;
	u32 start = clock_ticks();

	while (counter() < end && clock_us_since(start) < LIMIT_US)
		relax();
	return clock_us_since(start);
}

static void test_counter(void)
{
	u64 halted;

	*hpet(HPET_CONFIGURATION) = 0;
	*hpet(HPET_COUNTER) = 0x1fffffff0ull;
	halted = counter();
	wait_us(1000);
	check_equal("counter-halted", counter(), halted);
	check_equal("counter-written", halted, 0x1fffffff0ull);
	*hpet(HPET_CONFIGURATION) = HPET_ENABLE;
	wait_us(1000);
	check_between("counter-carries", counter(), 0x200000000ull, 0x300000000ull);
	check_duration("counter-20ms", measure_counter, 20000);
}

/*
 * Lets timer 2 interrupt once, in so many counts. The counter stands while the comparator is
 * written: QEMU takes a store of 64 bits as two of 32, and what the comparator holds between the
 * two may be in the past.
 */
static void start_timer(u64 counts, u64 configuration)
{
	*hpet(HPET_CONFIGURATION) = 0;
	*timer(2, HPET_TIMER_CONFIGURATION) = HPET_TIMER_ENABLE | configuration;
	*timer(2, HPET_TIMER_COMPARATOR) = counter() + counts;
	*hpet(HPET_CONFIGURATION) = HPET_ENABLE;
}

static u32 measure_one_shot(void)
{
	u32 start = clock_ticks();

	*count = 0;
	start_timer(20 * per_ms, PIN << HPET_TIMER_ROUTE_SHIFT);
	wait_count(count, 1, LIMIT_US);
	return clock_us_since(start);
}

static void test_one_shot(void)
{
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	ioapic_route(PIN, VECTOR_IOAPIC);
	interrupts_on();
	check_duration("one-shot-20ms", measure_one_shot, 20000);
	*count = 0;
	wait_us(SHORT_US);
	check_equal("one-shot-once", *count, 0);
	interrupts_off();
}

static void end_level(struct trap_frame *frame)
{
	if (*count >= 3)
		*hpet(HPET_STATUS) = 1 << 2;
	lapic_end_of_interrupt(frame);
}

/* Tests a level interrupt: as long as the status bit is set, EOI brings it again. */
static void test_level(void)
{
	*count = 0;
	trap_set_hook(VECTOR_IOAPIC, end_level);
	ioapic_route(PIN, VECTOR_IOAPIC | IOAPIC_ENTRY_LEVEL);
	start_timer(per_ms, HPET_TIMER_LEVEL | PIN << HPET_TIMER_ROUTE_SHIFT);
	interrupts_on();
	wait_count(count, 3, LIMIT_US);
	wait_us(SHORT_US);
	interrupts_off();
	check_equal("level-until-cleared", *count, 3);
	check_equal("level-status", *hpet(HPET_STATUS), 0);
	*timer(2, HPET_TIMER_CONFIGURATION) = 0;
	ioapic_route(PIN, IOAPIC_ENTRY_MASKED);
}

/*
 * Measures periods from a halted counter at 0: the first interrupt comes after 4 ms, eight more
 * every 2 ms.
 */
static u32 measure_periods(void)
{
	volatile u32 *config = (volatile u32 *)timer(0, HPET_TIMER_CONFIGURATION);
	volatile u32 *comparator = (volatile u32 *)timer(0, HPET_TIMER_COMPARATOR);
	u32 start;

	*hpet(HPET_CONFIGURATION) = HPET_LEGACY;
	*hpet(HPET_COUNTER) = 0;
	*config =
		HPET_TIMER_ENABLE | HPET_TIMER_PERIODIC | HPET_TIMER_SET_VALUE | HPET_TIMER_32_MODE;
	*comparator = (u32)(4 * per_ms);
	*comparator = (u32)(2 * per_ms);
	*count = 0;
	start = clock_ticks();
	*hpet(HPET_CONFIGURATION) = HPET_ENABLE | HPET_LEGACY;
	wait_count(count, 9, LIMIT_US);
	return clock_us_since(start);
}

/* Timer 0 has the PIT's interrupt, and the PIT has none. */
static void test_legacy(void)
{
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	*hpet(HPET_CONFIGURATION) = HPET_LEGACY;
	ioapic_route(PIN_PIT, VECTOR_IOAPIC);
	pit_start(0, PIT_MODE_RATE, (u16)(PIT_HZ / 1000));
	*count = 0;
	interrupts_on();
	wait_us(SHORT_US);
	check_equal("legacy-no-pit", *count, 0);
	check_duration("legacy-periodic", measure_periods, 20000);
	*hpet(HPET_CONFIGURATION) = 0;
	check("pit-again", wait_count(count, *count + 3, LIMIT_US), "the PIT does not come back");
	interrupts_off();
	ioapic_route(PIN_PIT, IOAPIC_ENTRY_MASKED);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	test_capabilities();
	test_counter();
	test_one_shot();
	test_level();
	test_legacy();
}
