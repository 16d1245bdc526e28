/* SPDX-License-Identifier: MIT */
/* The HPET by its specification: counter, one-shot and periodic timers, lines. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/hpet.c"

#define TIMER(number, register) (HPET_TIMERS + (number)*HPET_TIMER_BYTES + (register))
#define CONFIG(number)		TIMER(number, HPET_TIMER_CONFIGURATION)
#define COMPARATOR(number)	TIMER(number, HPET_TIMER_COMPARATOR)
#define ROUTE(pin)		((pin) << HPET_TIMER_ROUTE_SHIFT)

static struct device *device;

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	device = fixture_attach(hpet_attach, &fixture_config);
	return 0;
}

static u64 get(u32 offset)
{
	return fixture_read(device, HPET_DEFAULT_ADDRESS + offset, 8);
}

static u32 get_half(u32 offset)
{
	return (u32)fixture_read(device, HPET_DEFAULT_ADDRESS + offset, 4);
}

static void set(u32 offset, u64 value)
{
	fixture_write(device, HPET_DEFAULT_ADDRESS + offset, 8, value);
}

static void set_half(u32 offset, u32 value)
{
	fixture_write(device, HPET_DEFAULT_ADDRESS + offset, 4, value);
}

static void pass(u64 counts)
{
	fixture_run_until(device, fixture_platform.clock.now_ns + counts * HPET_NS_PER_COUNT);
}

static void it_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(get(HPET_CAPABILITIES), 10000000ull << 32 | 0x8086a201);
	assert_int_equal(get_half(HPET_CAPABILITIES + 4), 10000000); /* fs: 100 MHz */
	assert_int_equal(get(CONFIG(2)), 0x00ff010400000030);
	assert_int_equal(get(COMPARATOR(2)), ~0ull);
	assert_int_equal(get(CONFIG(3)), 0);
	assert_int_equal(get(0x3f8), 0);
}

static void counter_counts_while_enabled(void **state)
{
	(void)state;
	pass(1000);
	assert_int_equal(get(HPET_COUNTER), 0);
	set(HPET_COUNTER, 0x1fffffff0ull);
	assert_int_equal(get(HPET_COUNTER), 0x1fffffff0ull);
	set_half(HPET_CONFIGURATION, HPET_ENABLE);
	pass(0x20);
	assert_int_equal(get(HPET_COUNTER), 0x200000010ull);
	assert_int_equal(get_half(HPET_COUNTER), 0x10);
	assert_int_equal(get_half(HPET_COUNTER + 4), 2);
	set_half(HPET_CONFIGURATION, 0);
	pass(1000);
	assert_int_equal(get(HPET_COUNTER), 0x200000010ull);
	set_half(HPET_COUNTER + 4, 0);
	assert_int_equal(get(HPET_COUNTER), 0x10);
}

/* Byte, word and unaligned accesses are undefined: nothing happens. */
static void other_accesses_do_nothing(void **state)
{
	(void)state;
	fixture_write(device, HPET_DEFAULT_ADDRESS + HPET_CONFIGURATION, 1, 1);
	fixture_write(device, HPET_DEFAULT_ADDRESS + HPET_CONFIGURATION + 4, 8, ~0ull);
	assert_int_equal(get(HPET_CONFIGURATION), 0);
	assert_int_equal(fixture_read(device, HPET_DEFAULT_ADDRESS + 2, 2), 0);
	assert_int_equal(fixture_read(device, HPET_DEFAULT_ADDRESS + 4, 8), 0);
	set_half(HPET_CONFIGURATION + 4, ~0u);
	assert_int_equal(get(HPET_CONFIGURATION), 0);
}

static void one_shot_fires_once(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE);
	set(CONFIG(2), HPET_TIMER_ENABLE | ROUTE(20u));
	set(COMPARATOR(2), 1000);
	assert_int_equal(device->deadline_ns, 10000);
	pass(999);
	assert_int_equal(fixture_edges[20], 0);
	pass(1);
	assert_int_equal(fixture_edges[20], 1);
	assert_int_equal(get(HPET_STATUS), 0); /* edges leave no trace */
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	set(COMPARATOR(2), 3000);
	pass(5000);
	assert_int_equal(fixture_edges[20], 2);
}

/* Exits take time: a comparator that has just passed fires, one further back does not. */
static void late_comparator_fires_at_once(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE);
	set(CONFIG(0), HPET_TIMER_ENABLE | ROUTE(16u));
	pass(10 * LATE_COUNTS);
	set(COMPARATOR(0), 9 * LATE_COUNTS);
	assert_int_equal(fixture_edges[16], 1);
	assert_int_equal(get(COMPARATOR(0)), 9 * LATE_COUNTS);
	set(COMPARATOR(0), 9 * LATE_COUNTS - 1);
	assert_int_equal(fixture_edges[16], 1);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
}

static void timer_of_32_bits_goes_round(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE);
	set(CONFIG(0), HPET_TIMER_ENABLE | HPET_TIMER_32_MODE | ROUTE(16u));
	assert_int_equal(get(COMPARATOR(0)), 0xffffffff);
	set(COMPARATOR(0), 0x700000100ull);
	assert_int_equal(get(COMPARATOR(0)), 0x100);
	pass(0x200);
	assert_int_equal(fixture_edges[16], 1);
	pass(0xfffffe00ull);
	assert_int_equal(fixture_edges[16], 1);
	pass(0x200);
	assert_int_equal(fixture_edges[16], 2);
}

static void counter_goes_round(void **state)
{
	(void)state;
	set(CONFIG(0), HPET_TIMER_ENABLE | ROUTE(16u));
	set(COMPARATOR(0), 0x10);
	set(HPET_COUNTER, ~0ull - 0xf);
	set(HPET_CONFIGURATION, HPET_ENABLE);
	pass(0x1f);
	assert_int_equal(fixture_edges[16], 0);
	pass(1);
	assert_int_equal(fixture_edges[16], 1);
}

/* Writes first the comparator and then the period, as in 2.3.9.2.2. */
static void start_periodic(u32 number, u32 config, u32 first, u32 period)
{
	set_half(CONFIG(number),
		 config | HPET_TIMER_ENABLE | HPET_TIMER_PERIODIC | HPET_TIMER_SET_VALUE);
	set_half(COMPARATOR(number), first);
	set_half(COMPARATOR(number) + 4, 0);
	set_half(COMPARATOR(number), period);
}

static void periodic_goes_on(void **state)
{
	(void)state;
	/* the comparator's upper half: writing it later needs the set-value bit */
	set(COMPARATOR(0), 0);
	set(HPET_CONFIGURATION, HPET_ENABLE);
	start_periodic(0, ROUTE(17u), 20000, 10000);
	assert_false(get(CONFIG(0)) & HPET_TIMER_SET_VALUE);
	pass(19999);
	assert_int_equal(fixture_edges[17], 0);
	pass(1);
	assert_int_equal(fixture_edges[17], 1);
	assert_int_equal(get(COMPARATOR(0)), 30000);
	pass(100000);
	assert_int_equal(fixture_edges[17], 11);
	/* missed periods give one interrupt, and the phase is kept */
	fixture_platform.clock.now_ns += 35000 * HPET_NS_PER_COUNT;
	device_tick(device);
	assert_int_equal(fixture_edges[17], 12);
	assert_int_equal(get(COMPARATOR(0)), 160000);
}

static void period_is_not_too_short(void **state)
{
	(void)state;
	set(COMPARATOR(0), 0);
	set(HPET_CONFIGURATION, HPET_ENABLE);
	start_periodic(0, ROUTE(17u), 10, 1);
	assert_int_equal(device->deadline_ns,
			 fixture_platform.clock.now_ns + HPET_PERIOD_MIN * HPET_NS_PER_COUNT);
	pass(10 * HPET_PERIOD_MIN);
	assert_int_equal(fixture_edges[17], 10);
}

static void level_stays_until_cleared(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE);
	set(CONFIG(1), HPET_TIMER_ENABLE | HPET_TIMER_LEVEL | ROUTE(18u));
	set(CONFIG(2), HPET_TIMER_ENABLE | HPET_TIMER_LEVEL | ROUTE(18u));
	set(COMPARATOR(1), 100);
	set(COMPARATOR(2), 100);
	pass(100);
	assert_true(fixture_line[18]);
	assert_int_equal(get(HPET_STATUS), 6);
	set(HPET_STATUS, 1 << 1);
	assert_true(fixture_line[18]);
	set_half(HPET_STATUS, 1 << 2);
	assert_false(fixture_line[18]);
	assert_int_equal(get(HPET_STATUS), 0);

	/* neither a disabled timer nor a disabled HPET asserts its line; the status bit stays */
	set(COMPARATOR(1), 200);
	pass(100);
	assert_true(fixture_line[18]);
	set(CONFIG(1), HPET_TIMER_LEVEL | ROUTE(18u));
	assert_false(fixture_line[18]);
	assert_int_equal(get(HPET_STATUS), 1 << 1);
	set(CONFIG(1), HPET_TIMER_ENABLE | HPET_TIMER_LEVEL | ROUTE(18u));
	assert_true(fixture_line[18]);
	set(HPET_CONFIGURATION, 0);
	assert_false(fixture_line[18]);
	set(HPET_CONFIGURATION, HPET_ENABLE);
	assert_true(fixture_line[18]);
	set(CONFIG(1), HPET_TIMER_ENABLE | HPET_TIMER_LEVEL | ROUTE(19u));
	assert_false(fixture_line[18]);
	assert_true(fixture_line[19]);
	set(CONFIG(1), HPET_TIMER_ENABLE | ROUTE(19u));
	assert_false(fixture_line[19]);
	assert_int_equal(get(HPET_STATUS), 0);
}

/* A line that an edge-triggered timer has too falls when the level-triggered one is disabled. */
static void shared_line_falls(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE);
	set(CONFIG(0), HPET_TIMER_ENABLE | ROUTE(18u));
	set(CONFIG(1), HPET_TIMER_ENABLE | HPET_TIMER_LEVEL | ROUTE(18u));
	set(COMPARATOR(1), 100);
	pass(100);
	assert_true(fixture_line[18]);
	set(CONFIG(1), HPET_TIMER_LEVEL | ROUTE(18u));
	assert_false(fixture_line[18]);
}

/* 2.3.8: a timer that may not interrupt still sets its status bit, if level-triggered. */
static void disabled_timer_sets_status(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE | HPET_LEGACY);
	set(CONFIG(0), 0);
	set(CONFIG(1), HPET_TIMER_LEVEL);
	set(CONFIG(2), HPET_TIMER_LEVEL | HPET_TIMER_ENABLE); /* routed to pin 0: nowhere */
	for (u32 i = 0; i < HPET_TIMER_COUNT; i++)
		set(COMPARATOR(i), 100);
	fixture_platform.clock.now_ns += 200 * HPET_NS_PER_COUNT; /* a guest that only reads */
	assert_int_equal(fixture_edges[PIT_IRQ], 0);
	assert_int_equal(fixture_edges[RTC_IRQ], 0);
	assert_int_equal(get(HPET_STATUS), 1 << 1 | 1 << 2);
}

/* While the counter stands still nothing is due, and writing the counter passes no comparator. */
static void stopped_counter_fires_nothing(void **state)
{
	(void)state;
	set(CONFIG(0), HPET_TIMER_ENABLE | HPET_TIMER_LEVEL | ROUTE(16u));
	set(COMPARATOR(0), 100);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	set(HPET_COUNTER, 200);
	pass(200);
	assert_int_equal(get(HPET_STATUS), 0);
}

static void legacy_replacement_takes_both_lines(void **state)
{
	(void)state;
	set(CONFIG(0), HPET_TIMER_ENABLE);
	set(CONFIG(1), HPET_TIMER_ENABLE | ROUTE(16u));
	assert_int_equal(fixture_taken, 1 << 16);
	set(HPET_CONFIGURATION, HPET_ENABLE | HPET_LEGACY);
	assert_int_equal(fixture_taken, 1 << 0 | 1 << 8);
	set(COMPARATOR(0), 100);
	set(COMPARATOR(1), 200);
	pass(100);
	assert_int_equal(fixture_edges[0], 1);
	pass(100);
	assert_int_equal(fixture_edges[8], 1);
	set(HPET_CONFIGURATION, HPET_ENABLE);
	assert_int_equal(fixture_taken, 1 << 16);
}

static void routes_are_what_it_says(void **state)
{
	(void)state;
	for (u32 pin = 0; pin < 32; pin++) {
		set(CONFIG(0), HPET_TIMER_ENABLE | ROUTE(19u));
		set(CONFIG(0), HPET_TIMER_ENABLE | ROUTE(pin));
		assert_int_equal((get(CONFIG(0)) & HPET_TIMER_ROUTE) >> HPET_TIMER_ROUTE_SHIFT,
				 get(CONFIG(0)) >> (32 + pin) & 1 ? pin : 19);
	}
	set(CONFIG(0), HPET_TIMER_ENABLE | ROUTE(2u)); /* pin 2, the PIT's, counts as interrupt 0 */
	assert_int_equal(fixture_taken, 1);
}

static void state_comes_back(void **state)
{
	(void)state;
	set(HPET_CONFIGURATION, HPET_ENABLE | HPET_LEGACY);
	set(COMPARATOR(0), 0);
	start_periodic(0, HPET_TIMER_LEVEL, 5000, 10000);
	pass(7000);
	device_tick(device);
	assert_round_trip(device);
	assert_int_equal(fixture_taken, 1 << 0 | 1 << 8);
	assert_int_equal(get(HPET_COUNTER), 7000);
	assert_int_equal(device->deadline_ns, 15000 * HPET_NS_PER_COUNT);
	assert_load_refused(device, offsetof(struct hpet_state, config), 0x80);
	assert_load_refused(device, offsetof(struct hpet_state, status), 0x80);
	assert_load_refused(device, offsetof(struct hpet_state, timer[1].config), 0x81);
	set(CONFIG(1), HPET_TIMER_32_MODE);
	assert_load_refused(device, offsetof(struct hpet_state, timer[1].comparator) + 4, 1);
	assert_load_refused(device, offsetof(struct hpet_state, timer[1].period) + 4, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_says_what_it_is, setup),
		cmocka_unit_test_setup(counter_counts_while_enabled, setup),
		cmocka_unit_test_setup(other_accesses_do_nothing, setup),
		cmocka_unit_test_setup(one_shot_fires_once, setup),
		cmocka_unit_test_setup(late_comparator_fires_at_once, setup),
		cmocka_unit_test_setup(timer_of_32_bits_goes_round, setup),
		cmocka_unit_test_setup(counter_goes_round, setup),
		cmocka_unit_test_setup(periodic_goes_on, setup),
		cmocka_unit_test_setup(period_is_not_too_short, setup),
		cmocka_unit_test_setup(level_stays_until_cleared, setup),
		cmocka_unit_test_setup(shared_line_falls, setup),
		cmocka_unit_test_setup(disabled_timer_sets_status, setup),
		cmocka_unit_test_setup(stopped_counter_fires_nothing, setup),
		cmocka_unit_test_setup(legacy_replacement_takes_both_lines, setup),
		cmocka_unit_test_setup(routes_are_what_it_says, setup),
		cmocka_unit_test_setup(state_comes_back, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
