/* SPDX-License-Identifier: MIT */
/* The 8254's six modes by its data sheet, their gates, and interrupt 0. */
#include "tests/unit/vmm/monitor/dev/pit_fixture.h"

/* A PC's firmware leaves channel 0's output high: programmed, its first edge is a period away. */
static void programmed_first_it_raises_nothing(void **state)
{
	u32 raised = fixture_edges[0];

	(void)state;
	program(0, 3, 1000);
	assert_int_equal(fixture_edges[0], raised);
	fixture_run_until(device, pit_tick_to_ns(1001));
	assert_int_equal(fixture_edges[0], raised + 1);
}

static void mode_0_counts_down_once(void **state)
{
	(void)state;
	program(0, 0, 1000);
	assert_false(fixture_line[0]);
	assert_int_equal(status(0), 0x30 | PIT_STATUS_NULL_COUNT); /* loading takes a clock */
	at_clock(1);
	assert_int_equal(status(0), 0x30);
	assert_int_equal(latched_count(0), 1000);
	at_clock(401);
	assert_int_equal(latched_count(0), 600);
	fixture_run_until(device, pit_tick_to_ns(1000));
	assert_false(fixture_line[0]);
	fixture_run_until(device, pit_tick_to_ns(1001));
	assert_true(fixture_line[0]);
	assert_int_equal(status(0), 0xb0);
	/* The count wraps and goes on; the output stays. */
	at_clock(1011);
	assert_int_equal(latched_count(0), 0xfff6);
	fixture_run_until(device, NS_PER_S);
	assert_int_equal(fixture_edges[0], 1);
	/* The first byte of a new count sets the output low at once. */
	out8(device, 0x40, 10);
	assert_false(fixture_line[0]);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	assert_true(status(0) & PIT_STATUS_NULL_COUNT);
	out8(device, 0x40, 0);
	fixture_run_until(device, 2 * NS_PER_S);
	assert_int_equal(fixture_edges[0], 2);
}

static void mode_0_stands_still_without_gate(void **state)
{
	(void)state;
	out8(device, 0x61, 1);
	program(2, 0, 100);
	at_clock(41);
	out8(device, 0x61, 0);
	assert_int_equal(latched_count(2), 60);
	at_clock(500);
	assert_int_equal(latched_count(2), 60);
	assert_false(out2());
	out8(device, 0x61, 1);
	at_clock(559);
	assert_false(out2());
	at_clock(560);
	assert_true(out2());
}

static void mode_1_needs_its_gate(void **state)
{
	(void)state;
	/* Without a count there is nothing to trigger. */
	out8(device, 0x43, 0xb2);
	out8(device, 0x61, 1);
	assert_true(out2());
	out8(device, 0x61, 0);
	program(2, 1, 50);
	assert_true(out2());
	at_clock(100);
	assert_true(out2());
	assert_true(status(2) & PIT_STATUS_NULL_COUNT);
	out8(device, 0x61, 1);
	at_clock(101);
	assert_false(status(2) & PIT_STATUS_NULL_COUNT);
	assert_false(out2());
	at_clock(150);
	assert_false(out2());
	at_clock(151);
	assert_true(out2());
	/* A new trigger in the middle starts afresh; the gate going low does nothing. */
	out8(device, 0x61, 0);
	out8(device, 0x61, 1);
	at_clock(180);
	out8(device, 0x61, 0);
	assert_false(out2());
	out8(device, 0x61, 1);
	at_clock(230);
	assert_false(out2());
	at_clock(231);
	assert_true(out2());
}

static void mode_2_is_periodic(void **state)
{
	(void)state;
	program(0, 2, 1000);
	assert_true(fixture_line[0]);
	fixture_edges[0] = 0;
	at_clock(1000);
	assert_int_equal(latched_count(0), 1);
	assert_false(status(0) & PIT_STATUS_OUT); /* low for the last clock */
	at_clock(1001);
	assert_int_equal(latched_count(0), 1000);
	assert_true(fixture_line[0]);
	fixture_run_until(device, pit_tick_to_ns(100001));
	assert_int_equal(fixture_edges[0], 100);
}

static void mode_2_keeps_its_beat(void **state)
{
	(void)state;
	program(0, 2, 0); /* 65536 */
	fixture_edges[0] = 0;
	fixture_run_until(device, 10 * NS_PER_S);
	assert_int_equal(fixture_edges[0], 10ull * PIT_HZ / 65536);
}

/* After a late tick one interrupt comes at once, the other missed ones one by one. */
static void missed_beats_are_made_up_for(void **state)
{
	(void)state;
	program(0, 2, 0);
	fixture_edges[0] = 0;
	at_clock(1 + 18 * 65536 + 5000);
	pit_tick(device);
	assert_int_equal(fixture_edges[0], 1);
	assert_int_equal(pit->state.edge_tick, 1 + 19 * 65536);
	fixture_run_until(device, pit_tick_to_ns(1 + 22 * 65536));
	assert_int_equal(fixture_edges[0], 22);
	fixture_run_until(device, pit_tick_to_ns(1 + 30 * 65536));
	assert_int_equal(fixture_edges[0], 30);
	at_clock(1 + 2000 * 65536ull);
	pit_tick(device);
	assert_int_equal(pit->state.owed, OWED_MAX);
	program(0, 2, 0); /* reprogramming drops the missed interrupts */
	assert_int_equal(pit->state.owed, 0);
}

static void beats_too_fast_to_keep(void **state)
{
	(void)state;
	program(0, 2, 2);
	assert_int_equal(device->deadline_ns, fixture_platform.clock.now_ns + 50 * NS_PER_US);
	fixture_edges[0] = 0;
	fixture_run_until(device, NS_PER_MS);
	assert_in_range(fixture_edges[0], 19, 20);
	program(0, 3, 1);
	assert_true(device->deadline_ns >= fixture_platform.clock.now_ns + 50 * NS_PER_US);
	program(0, 2, 100);
	assert_true(device->deadline_ns > fixture_platform.clock.now_ns + 80 * NS_PER_US);
	program(0, 0, 2); /* one-shots keep their time */
	assert_true(device->deadline_ns < fixture_platform.clock.now_ns + 5 * NS_PER_US);
}

static void mode_2_takes_a_new_count_at_the_end(void **state)
{
	(void)state;
	program(0, 2, 1000);
	at_clock(501);
	out8(device, 0x40, 300 & 0xff);
	out8(device, 0x40, 300 >> 8);
	assert_int_equal(latched_count(0), 500);
	assert_true(status(0) & PIT_STATUS_NULL_COUNT);
	at_clock(1001 + 350);
	assert_int_equal(in8(device, 0x40), 250);
	assert_int_equal(in8(device, 0x40), 0);
	assert_false(status(0) & PIT_STATUS_NULL_COUNT);
	assert_int_equal(pit->state.edge_tick, 1001 + 600);
}

static void mode_2_stops_without_gate(void **state)
{
	(void)state;
	out8(device, 0x61, 1);
	program(2, 2, 100);
	out8(device, 0x61, 1); /* the gate does not change while the count is being loaded */
	at_clock(99);
	assert_true(out2());
	at_clock(100);
	assert_false(out2());
	out8(device, 0x61, 0);
	assert_true(out2()); /* the output is high at once */
	at_clock(300);
	assert_true(out2());
	out8(device, 0x61, 1); /* the count starts afresh */
	at_clock(341);
	assert_int_equal(latched_count(2), 60);
	out8(device, 0x61, 0);
	out8(device, 0x61, 1);
	at_clock(440);
	assert_true(out2());
	at_clock(441);
	assert_false(out2());
}

static void mode_2_without_a_count_does_not_start(void **state)
{
	(void)state;
	program(2, 2, 100);
	out8(device, 0x43, 0xb4);
	out8(device, 0x61, 1);
	at_clock(101);
	assert_int_equal(status(2), 0x34 | PIT_STATUS_OUT | PIT_STATUS_NULL_COUNT);
	for (u32 clock = 101; clock < 302; clock++) {
		at_clock(clock);
		assert_true(out2());
	}
}

static void mode_3_is_square(void **state)
{
	(void)state;
	out8(device, 0x61, 1);
	program(2, 3, 5); /* odd: three high, two low */
	for (u32 clock = 1; clock < 21; clock++) {
		at_clock(clock);
		assert_int_equal(out2(), (clock - 1) % 5 < 3);
	}
	program(2, 3, 1000);
	at_clock(21 + 10);
	assert_int_equal(latched_count(2), 980);
	at_clock(21 + 500 + 10);
	assert_int_equal(latched_count(2), 980);
	assert_false(out2());
	/* A new count takes effect with the next half-cycle. */
	at_clock(21 + 1000 + 100);
	out8(device, 0x42, 200);
	out8(device, 0x42, 0);
	assert_int_equal(latched_count(2), 800);
	at_clock(21 + 1500 + 10);
	assert_false(out2());
	assert_int_equal(latched_count(2), 180);
	at_clock(21 + 1600);
	assert_true(out2());
	at_clock(21 + 1700);
	assert_false(out2());
}

static void mode_3_interrupts_once_a_period(void **state)
{
	(void)state;
	program(0, 3, 11932);
	fixture_edges[0] = 0;
	fixture_run_until(device, NS_PER_S + NS_PER_MS);
	assert_int_equal(fixture_edges[0], 100);
	/* A late tick, in the low half: the edge is not lost. */
	fixture_platform.clock.now_ns += 17 * NS_PER_MS;
	pit_tick(device);
	assert_false(status(0) & PIT_STATUS_OUT);
	assert_int_equal(fixture_edges[0], 101);
	/*
	 * A look at the device does not change it either: the line falls when the output does so
	 * again.
	 */
	assert_true(fixture_line[0]);
	fixture_run_until(device, fixture_platform.clock.now_ns + 4 * NS_PER_MS);
	assert_int_equal(fixture_edges[0], 102);
	pit_tick(device);
	assert_true(fixture_line[0]);
	fixture_platform.clock.now_ns += 5 * NS_PER_MS;
	pit_tick(device);
	assert_false(fixture_line[0]);
}

static void mode_3_interrupts_where_a_new_count_says(void **state)
{
	(void)state;
	program(0, 3, 1000);
	at_clock(101);
	out8(device, 0x40, 200);
	out8(device, 0x40, 0);
	fixture_edges[0] = 0;
	assert_int_equal(pit->state.edge_tick, 1 + 500 + 100);
	fixture_run_until(device, pit_tick_to_ns(1 + 600));
	assert_int_equal(fixture_edges[0], 1);
	assert_int_equal(pit->state.edge_tick, 1 + 600 + 200);
	/* A longer count: no edge at the old count's time. */
	out8(device, 0x40, 4000 & 0xff);
	out8(device, 0x40, 4000 >> 8);
	fixture_edges[0] = 0;
	assert_int_equal(pit->state.edge_tick, 1 + 600 + 100 + 2000);
	fixture_run_until(device, pit_tick_to_ns(1 + 600 + 100 + 1999));
	assert_int_equal(fixture_edges[0], 0);
	fixture_run_until(device, pit_tick_to_ns(1 + 600 + 100 + 2000));
	assert_int_equal(fixture_edges[0], 1);
	/* A count that is written in the low half waits for the end of the period. */
	at_clock(2701 + 3000);
	pit_tick(device);
	out8(device, 0x40, 100);
	out8(device, 0x40, 0);
	assert_int_equal(pit->state.edge_tick, 2701 + 4000);
}

static void mode_4_strobes_once(void **state)
{
	(void)state;
	program(0, 4, 1000);
	assert_true(fixture_line[0]);
	fixture_edges[0] = 0;
	at_clock(1000);
	assert_true(status(0) & PIT_STATUS_OUT);
	at_clock(1001);
	assert_false(status(0) & PIT_STATUS_OUT);
	at_clock(1002);
	assert_true(status(0) & PIT_STATUS_OUT);
	assert_int_equal(fixture_edges[0], 1);
	fixture_run_until(device, NS_PER_S);
	assert_int_equal(fixture_edges[0], 1);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	/* A new count starts without a control word, and the deadline shows it. */
	out8(device, 0x40, 0xe8);
	out8(device, 0x40, 0x03);
	fixture_run_until(device, 2 * NS_PER_S);
	assert_int_equal(fixture_edges[0], 2);
}

static void mode_5_strobes_after_its_gate(void **state)
{
	(void)state;
	program(2, 5, 10);
	at_clock(50);
	assert_true(out2());
	out8(device, 0x61, 1);
	at_clock(60);
	assert_true(out2());
	at_clock(61);
	assert_false(out2());
	at_clock(62);
	assert_true(out2());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(programmed_first_it_raises_nothing, setup),
		cmocka_unit_test_setup(mode_0_counts_down_once, setup),
		cmocka_unit_test_setup(mode_0_stands_still_without_gate, setup),
		cmocka_unit_test_setup(mode_1_needs_its_gate, setup),
		cmocka_unit_test_setup(mode_2_is_periodic, setup),
		cmocka_unit_test_setup(mode_2_keeps_its_beat, setup),
		cmocka_unit_test_setup(missed_beats_are_made_up_for, setup),
		cmocka_unit_test_setup(beats_too_fast_to_keep, setup),
		cmocka_unit_test_setup(mode_2_takes_a_new_count_at_the_end, setup),
		cmocka_unit_test_setup(mode_2_stops_without_gate, setup),
		cmocka_unit_test_setup(mode_2_without_a_count_does_not_start, setup),
		cmocka_unit_test_setup(mode_3_is_square, setup),
		cmocka_unit_test_setup(mode_3_interrupts_once_a_period, setup),
		cmocka_unit_test_setup(mode_3_interrupts_where_a_new_count_says, setup),
		cmocka_unit_test_setup(mode_4_strobes_once, setup),
		cmocka_unit_test_setup(mode_5_strobes_after_its_gate, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
