/* SPDX-License-Identifier: MIT */
/* The 8254's registers by its data sheet: control words, latches, port 61h; and its saved state. */
#include "tests/unit/vmm/monitor/dev/pit_fixture.h"

static void latches(void **state)
{
	(void)state;
	program(0, 2, 1000);
	at_clock(101);
	out8(device, 0x43, 0x00);
	at_clock(201);
	out8(device, 0x43, 0x00); /* the latch is ignored until the first one is read */
	assert_int_equal(in8(device, 0x40), 900 & 0xff);
	assert_int_equal(in8(device, 0x40), 900 >> 8);
	assert_int_equal(in8(device, 0x40), 800 & 0xff);
	assert_int_equal(in8(device, 0x40), 800 >> 8);
	/* A read-back of status and count gives the status first. */
	out8(device, 0x43, 0xc2);
	at_clock(301);
	assert_int_equal(in8(device, 0x40), PIT_STATUS_OUT | 0x34);
	assert_int_equal(in8(device, 0x40), 800 & 0xff);
	assert_int_equal(in8(device, 0x40), 800 >> 8);
	/* A status waits to be read like a count; what is for another channel latches nothing. */
	out8(device, 0x43, 0xe2);
	out8(device, 0x40, 1000 & 0xff);
	out8(device, 0x40, 1000 >> 8);
	out8(device, 0x43, 0xe2);
	out8(device, 0x43, 0xc4);
	at_clock(401);
	assert_int_equal(in8(device, 0x40), PIT_STATUS_OUT | 0x34);
	assert_int_equal(in8(device, 0x40), 600 & 0xff);
	assert_int_equal(in8(device, 0x40), 600 >> 8);
	/* The counter is read as one byte only. */
	out8(device, 0x43, 0x24);
	out8(device, 0x40, 2); /* 0x200 */
	at_clock(402);
	assert_int_equal(in8(device, 0x40), 2);
	out8(device, 0x43, 0x14);
	out8(device, 0x40, 200);
	at_clock(402 + 21);
	assert_int_equal(in8(device, 0x40), 180);
	assert_int_equal(in8(device, 0x40), 180);
}

static void binary_coded_decimal(void **state)
{
	(void)state;
	out8(device, 0x43, 0x30 | 4 | 1);
	out8(device, 0x40, 0x34);
	out8(device, 0x40, 0x12);
	at_clock(1 + 235);
	assert_int_equal(latched_count(0), 0x0999);
	assert_int_equal(status(0), PIT_STATUS_OUT | 0x35);
	out8(device, 0x43, 0x30 | 1);
	out8(device, 0x40, 0);
	out8(device, 0x40, 0);
	at_clock(236 + 2);
	assert_int_equal(latched_count(0), 0x9999);
}

static void port_61(void **state)
{
	u32 toggles = 0;
	u32 last = in8(device, 0x61) & PIT_GATE_REFRESH;

	(void)state;
	out8(device, 0x61, 0xff);
	assert_int_equal(in8(device, 0x61) & 0xcf, 0x0f);
	for (u32 i = 0; i < 1000; i++) {
		u32 now;

		fixture_platform.clock.now_ns += NS_PER_US;
		now = in8(device, 0x61) & PIT_GATE_REFRESH;
		toggles += now != last;
		last = now;
	}
	assert_in_range(toggles, 65, 67);
	assert_int_equal(in8(device, 0x43), 0xff);
}

static void save_and_load(void **state)
{
	(void)state;
	program(0, 2, 1000);
	at_clock(401);
	pit_tick(device);
	assert_round_trip(device);
	assert_int_equal(latched_count(0), 600);
	assert_int_equal(device->deadline_ns, pit_tick_to_ns(1001));
	assert_load_refused(device, offsetof(struct pit_state, channel[1].mode), 6);
	assert_load_refused(device, offsetof(struct pit_state, owed), 1);
	assert_load_refused(device, offsetof(struct pit_state, repay_tick), 1);
	assert_load_refused(device, offsetof(struct pit_state, channel[0].access), 0);
	assert_load_refused(device, offsetof(struct pit_state, channel[0].control), 0x40);
	assert_load_refused(device, offsetof(struct pit_state, channel[2].count) + 2, 2);
	/* Sums of such times would wrap, and leave the deadline in the past for ever. */
	assert_load_refused(device, offsetof(struct pit_state, channel[0].run_tick) + 7, 1);
	assert_load_refused(device, offsetof(struct pit_state, channel[0].elapsed) + 7, 0x80);
}

static void control_word_starts_all_over(void **state)
{
	(void)state;
	/* A count half written, half read or latched is forgotten. */
	program(2, 0, 0x1234);
	out8(device, 0x42, 0x99);
	out8(device, 0x43, 0x80);
	(void)in8(device, 0x42);
	out8(device, 0x43, 0xe8);
	program(2, 0, 0x0200);
	assert_int_equal(in8(device, 0x42), 0x00);
	assert_int_equal(in8(device, 0x42), 0x02);
	/* A count loaded with the gate low waits. */
	at_clock(100);
	assert_int_equal(latched_count(2), 0x200);
	out8(device, 0x61, 1);
	at_clock(100 + 0x10);
	assert_int_equal(latched_count(2), 0x1f0);
	/* A new control word drops a count that waited for the end of the period. */
	program(0, 2, 1000);
	out8(device, 0x40, 10);
	out8(device, 0x40, 0);
	out8(device, 0x43, 0x32);
	assert_int_equal(status(0), 0x32 | PIT_STATUS_OUT | PIT_STATUS_NULL_COUNT);
	at_clock(5000);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	/* Modes 6 and 7 are 2 and 3; status returns them as written. */
	program(0, 6, 1000);
	at_clock(5500);
	assert_int_equal(status(0), 0x3c | PIT_STATUS_OUT);
	at_clock(5001 + 1500);
	assert_int_equal(latched_count(0), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(latches, setup),
		cmocka_unit_test_setup(binary_coded_decimal, setup),
		cmocka_unit_test_setup(port_61, setup),
		cmocka_unit_test_setup(save_and_load, setup),
		cmocka_unit_test_setup(control_word_starts_all_over, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
