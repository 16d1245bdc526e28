/* SPDX-License-Identifier: MIT */
/* The local APIC's timer: one-shot, periodic, TSC-deadline (SDM vol. 3, 11.5.4). */
#include "tests/unit/irqchip_fixture.h"

static void timer_one_shot(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 1000);
	assert_int_equal(lapic_deadline(bsp), 16000);
	at_ns(16 * 400);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 600);
	at_ns(16 * 400 + 15);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 600);
	/* With a new divider the timer continues from the current count. */
	at_ns(16 * 400);
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 600);
	assert_int_equal(lapic_deadline(bsp), 7000);
	at_ns(6999);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 0);
	at_ns(7000);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_INITIAL), 1000);
	/* An initial count of zero stops the timer. */
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 50);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 0);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
}

static void timer_dividers(void **state)
{
	static const u32 divider[8] = {2, 4, 8, 16, 32, 64, 128, 1};

	(void)state;
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	for (u32 i = 0; i < 8; i++) {
		lapic_write(bsp, LAPIC_TIMER_DIVIDE, (i & 3) | (i & 4) << 1);
		lapic_write(bsp, LAPIC_TIMER_INITIAL, 10);
		assert_int_equal(lapic_deadline(bsp), 10 * divider[i]);
	}
	lapic_write(bsp, LAPIC_TIMER_INITIAL, ~0u);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), ~0u);
}

static void timer_periodic(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	at_ns(1000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 1000);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(lapic_deadline(bsp), 2000);
	/* While the vector is still requested an early deadline is put off; a later one is kept. */
	lapic_deliver(bsp, APIC_FIXED, 0x30, false);
	assert_int_equal(lapic_deadline(bsp), 1000 + 50 * NS_PER_US);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 100000);
	assert_int_equal(lapic_deadline(bsp), 101000);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	take_requests(0x30);
	/* Missed periods give one interrupt, and the phase is kept. */
	at_ns(5300);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(lapic_deadline(bsp), 6000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 700);
	/* A masked timer counts on without interrupts. */
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | LAPIC_LVT_TIMER_PERIODIC | 0x30);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	at_ns(6100);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 900);
	assert_int_equal(take_requests(0x30), 0);
}

/* A guest that takes no interrupt does not put its timer off further at each check. */
static void timer_repeats_untaken(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000000);
	at_ns(1000000);
	lapic_tick(bsp);
	assert_true(vector_requested(0, 0x30));
	assert_int_equal(lapic_deadline(bsp), 2000000);
	at_ns(1999999);
	assert_int_equal(lapic_deadline(bsp), 1999999 + 50 * NS_PER_US);
	at_ns(2000001);
	assert_int_equal(lapic_deadline(bsp), 2000000);
	lapic_tick(bsp);
	assert_int_equal(lapic_deadline(bsp), 3000000);
}

static void timer_changes_mode(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	at_ns(600);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 400);
	at_ns(1100);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 900);
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	at_ns(2000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);
	/* An expired one-shot does not restart when the mode becomes periodic. */
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	at_ns(2500);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_INITIAL), 1000);
	/* A change to TSC-deadline mode disarms the timer. */
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_TSC_DEADLINE | 0x30);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_INITIAL), 0);
}

static void timer_tsc_deadline(void **state)
{
	(void)state;
	/* In the other modes the MSR reads 0 and ignores writes. */
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 5000));
	assert_int_equal(rdmsr(bsp, MSR_TSC_DEADLINE), 0);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_TSC_DEADLINE | 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 7);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);

	at_ns(1000); /* the guest's TSC is 2000 */
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 5000));
	assert_int_equal(rdmsr(bsp, MSR_TSC_DEADLINE), 5000);
	assert_int_equal(lapic_deadline(bsp), 2501);
	at_ns(2499);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 0);
	at_ns(2501);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(rdmsr(bsp, MSR_TSC_DEADLINE), 0);
	/* A deadline that has passed fires at once; 0 disarms; a distant one does not overflow. */
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 1));
	assert_int_equal(take_requests(0x30), 1);
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 9000));
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 0));
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	fixture_clock.tsc_khz = 1;
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, ~0ull));
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	/* A guest that moves its TSC moves the deadline. */
	fixture_clock.tsc_khz = 2000000;
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 9000));
	fixture_clock.guest_tsc = 8000;
	assert_int_equal(lapic_deadline(bsp), 2501 + 501);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timer_one_shot, chip_setup_enabled),
		cmocka_unit_test_setup(timer_dividers, chip_setup_enabled),
		cmocka_unit_test_setup(timer_periodic, chip_setup_enabled),
		cmocka_unit_test_setup(timer_repeats_untaken, chip_setup_enabled),
		cmocka_unit_test_setup(timer_changes_mode, chip_setup_enabled),
		cmocka_unit_test_setup(timer_tsc_deadline, chip_setup_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
