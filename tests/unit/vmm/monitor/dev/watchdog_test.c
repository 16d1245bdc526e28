/* SPDX-License-Identifier: MIT */
/* The watchdog and the port by which a guest says that it has panicked. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/dev/watchdog.c"

static struct device *device;
static struct device *port;

static u32 in16(u32 at)
{
	return (u32)fixture_read(device, at, 2);
}

static void out16(u32 at, u32 value)
{
	fixture_write(device, at, 2, value);
}

/* Returns what the owner must do, its timer aside. */
static u32 asked(void)
{
	return fixture_platform.events.pending & ~(u32)MACHINE_DEADLINE;
}

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	device = fixture_attach(watchdog_attach, &fixture_config);
	port = fixture_attach(pvpanic_attach, &fixture_config);
	return 0;
}

static void stopped_at_first(void **state)
{
	(void)state;
	assert_int_equal(in8(device, 0x630), 0);
	assert_int_equal(in16(0x632), 60);
	assert_int_equal(in16(0x634), 0);
	out8(device, 0x631, 1);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	assert_int_equal(asked(), 0);
}

static void expires_once(void **state)
{
	(void)state;
	out16(0x632, 30);
	out8(device, 0x630, 1);
	assert_int_equal(in16(0x634), 30);
	fixture_run_until(device, 29 * NS_PER_S + 1);
	assert_int_equal(in16(0x634), 1);
	assert_int_equal(asked(), 0);
	fixture_run_until(device, 30 * NS_PER_S);
	assert_int_equal(asked(), MACHINE_WATCHDOG);
	assert_int_equal(in8(device, 0x630), 0);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	assert_int_equal(in16(0x632), 30);
}

/* The guest keeps the time that it had. */
static void does_not_count_a_jump(void **state)
{
	(void)state;
	device->ops->jumped(device, NS_PER_S);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	out16(0x632, 30);
	out8(device, 0x630, 1);
	fixture_platform.clock.now_ns += 1000 * NS_PER_S;
	device->ops->jumped(device, 1000 * NS_PER_S);
	assert_int_equal(in16(0x634), 30);
	assert_int_equal(asked(), 0);
	device->ops->jumped(device, ~0ull - 1);
	assert_int_equal(in16(0x634), WATCHDOG_COUNT_MAX);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
}

static void kept_alive(void **state)
{
	(void)state;
	out16(0x632, 2);
	out8(device, 0x630, 1);
	for (u64 s = 1; s < 10; s++) {
		fixture_run_until(device, s * NS_PER_S);
		out8(device, 0x631, 1);
		assert_int_equal(in16(0x634), 2);
	}
	fixture_run_until(device, 10 * NS_PER_S);
	out16(0x634, 5); /* the register is read-only, and the write no sign of life */
	assert_int_equal(in16(0x634), 1);
	out8(device, 0x630, 0);
	fixture_run_until(device, 20 * NS_PER_S);
	assert_int_equal(asked(), 0);
}

/* A count out of range is kept as it is written, and counts as the nearest one in range. */
static void counts_out_of_range(void **state)
{
	(void)state;
	out16(0x632, 0);
	out8(device, 0x630, 1);
	assert_int_equal(device->deadline_ns, NS_PER_S);
	out16(0x632, 0xffff);
	assert_int_equal(device->deadline_ns, WATCHDOG_COUNT_MAX * NS_PER_S);
	out8(device, 0x633, 0x01);
	out8(device, 0x632, 0x02);
	assert_int_equal(in16(0x632), 0x0102);
	assert_int_equal(device->deadline_ns, 0x0102 * NS_PER_S);
	assert_int_equal(in8(device, 0x633), 1);
	out8(device, 0x630, 0xff);
	assert_int_equal(in8(device, 0x630), 1);
}

static void saved_and_reset(void **state)
{
	(void)state;
	out16(0x632, 5);
	out8(device, 0x630, 1);
	assert_round_trip(device);
	assert_int_equal(device->deadline_ns, 5 * NS_PER_S);
	assert_load_refused(device, offsetof(struct watchdog_state, control), 2);
	assert_load_refused(device, offsetof(struct watchdog_state, reserved), 1);
	device_reset(device);
	fixture_run_until(device, 20 * NS_PER_S);
	assert_int_equal(asked(), 0);
	assert_load_refused(device, offsetof(struct watchdog_state, expires_ns), 1);
}

static void panic_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(in8(port, 0x505), 3);
	out8(port, 0x505, 0xfc); /* events of later specifications */
	assert_int_equal(asked(), 0);
	out8(port, 0x505, 2);
	assert_int_equal(asked(), MACHINE_CRASH_KERNEL);
	fixture_platform.events.pending = 0;
	out8(port, 0x505, 2);
	assert_int_equal(asked(), 0);
	out8(port, 0x505, 1);
	assert_int_equal(asked(), MACHINE_PANIC);
	assert_round_trip(port);
	assert_load_refused(port, 0, 4);
	device_reset(port);
	fixture_platform.events.pending = 0;
	out8(port, 0x505, 1);
	assert_int_equal(asked(), MACHINE_PANIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(stopped_at_first, setup),
		cmocka_unit_test_setup(expires_once, setup),
		cmocka_unit_test_setup(kept_alive, setup),
		cmocka_unit_test_setup(does_not_count_a_jump, setup),
		cmocka_unit_test_setup(counts_out_of_range, setup),
		cmocka_unit_test_setup(saved_and_reset, setup),
		cmocka_unit_test_setup(panic_is_told_once, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
