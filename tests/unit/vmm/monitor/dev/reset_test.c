/* SPDX-License-Identifier: MIT */
/* Reset by ports 0xcf9 and 0x92 and an 8042 without a keyboard; debug exit and port 0x80. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/reset.c"

static struct device *device; /* the device that resets the machine */
static struct device *debug;

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	device = fixture_attach(reset_attach, &fixture_config);
	debug = fixture_attach(debug_attach, &fixture_config);
	return 0;
}

static u32 command(u32 byte)
{
	out8(device, 0x64, byte);
	return in8(device, 0x64) & I8042_STATUS_OUTPUT ? in8(device, 0x60) : ~0u;
}

static void port_cf9(void **state)
{
	(void)state;
	out8(device, 0xcf9, 0x02);
	assert_int_equal(fixture_platform.events.pending, 0);
	out8(device, 0xcf9, 0x06);
	assert_int_equal(fixture_platform.events.pending, MACHINE_RESET);
	assert_int_equal(fixture_platform.events.reset_port, 0xcf9);
	assert_int_equal(in8(device, 0xcf9), 0x06);
	/* Only the rising edge counts. */
	fixture_platform.events.pending = 0;
	out8(device, 0xcf9, 0x06);
	assert_int_equal(fixture_platform.events.pending, 0);
	out8(device, 0xcf9, 0x00);
	out8(device, 0xcf9, 0x0e);
	assert_int_equal(fixture_platform.events.pending, MACHINE_RESET);
}

static void port_92(void **state)
{
	(void)state;
	assert_int_equal(in8(device, 0x92), 0x02);
	out8(device, 0x92, 0x00); /* A20 cannot be cleared */
	assert_int_equal(in8(device, 0x92), 0x02);
	assert_int_equal(fixture_platform.events.pending, 0);
	out8(device, 0x92, 0x01);
	assert_int_equal(fixture_platform.events.pending, MACHINE_RESET);
	assert_int_equal(fixture_platform.events.reset_port, 0x92);
	fixture_platform.events.pending = 0;
	out8(device, 0x92, in8(device, 0x92));
	assert_int_equal(fixture_platform.events.pending, 0);
}

static void keyboard_controller_resets(void **state)
{
	(void)state;
	out8(device, 0x64, 0xff);
	out8(device, 0x64, 0xf1);
	out8(device, 0x64, 0xee);
	assert_int_equal(fixture_platform.events.pending, 0);
	out8(device, 0x64, 0xfe);
	assert_int_equal(fixture_platform.events.pending, MACHINE_RESET);
	assert_int_equal(fixture_platform.events.reset_port, 0x64);
	fixture_platform.events.pending = 0;
	out8(device, 0x64, 0xd1);
	out8(device, 0x60, 0xdf); /* turns A20 on, as boot loaders do */
	assert_int_equal(fixture_platform.events.pending, 0);
	out8(device, 0x64, 0xd1);
	out8(device, 0x60, 0xde);
	assert_int_equal(fixture_platform.events.pending, MACHINE_RESET);
}

static void keyboard_controller_answers(void **state)
{
	(void)state;
	assert_int_equal(in8(device, 0x64), I8042_STATUS_SYSTEM | I8042_STATUS_UNLOCKED);
	assert_int_equal(command(0xaa), 0x55);
	assert_int_equal(command(0xab), 0x01);
	assert_int_equal(command(0xa9), 0x01);
	assert_int_equal(command(0xd0) & 3, 3);
	assert_int_equal(command(0x20), 0x34);
	out8(device, 0x64, 0xae);
	assert_int_equal(command(0x20), 0x24);
	out8(device, 0x64, 0xd2);
	out8(device, 0x60, 0x5a);
	assert_int_equal(in8(device, 0x60), 0x5a);
	assert_int_equal(command(0x99), ~0u);
	/* A new command cancels the wait for an earlier one's data. */
	out8(device, 0x64, 0x60);
	out8(device, 0x64, 0xa8);
	assert_int_equal(in8(device, 0x64) & I8042_STATUS_COMMAND, I8042_STATUS_COMMAND);
	out8(device, 0x60, 0xee);
	assert_int_equal(in8(device, 0x64) & I8042_STATUS_COMMAND, 0);
	(void)in8(device, 0x60);
	assert_int_equal(command(0x20), 0x04);
	out8(device, 0x64, 0xad);
	out8(device, 0x64, 0xa7);
	assert_int_equal(command(0x20), 0x34);
	out8(device, 0x64, 0x60);
	out8(device, 0x60, 0x00);
	assert_int_equal(in8(device, 0x64) & I8042_STATUS_SYSTEM, 0);
	assert_int_equal(command(0xaa), 0x55);
	assert_int_equal(in8(device, 0x64) & I8042_STATUS_SYSTEM, I8042_STATUS_SYSTEM);
}

static void nothing_is_plugged_in(void **state)
{
	(void)state;
	out8(device, 0x64, 0x60);
	out8(device, 0x60, 0x01);
	assert_false(fixture_line[1]);
	out8(device, 0x60, 0xff); /* reset the keyboard */
	assert_true(fixture_line[1]);
	assert_int_equal(in8(device, 0x64),
			 I8042_STATUS_OUTPUT | I8042_STATUS_UNLOCKED | I8042_STATUS_TIMEOUT);
	assert_int_equal(in8(device, 0x60), 0xfe);
	assert_false(fixture_line[1]);
	assert_int_equal(in8(device, 0x64) & I8042_STATUS_TIMEOUT, 0);
}

static void debug_ports(void **state)
{
	(void)state;
	out8(debug, 0x80, 0x42);
	assert_int_equal(in8(debug, 0x80), 0x42);
	assert_int_equal(fixture_platform.events.pending, 0);
	fixture_write(debug, 0xf4, 4, 0x11223307);
	assert_int_equal(fixture_platform.events.pending, MACHINE_EXIT);
	assert_int_equal(fixture_platform.events.exit_code, 7);
	fixture_platform.events.pending = 0;
	out8(debug, 0xf5, 1);
	assert_int_equal(fixture_platform.events.pending, 0);
}

static void save_and_load(void **state)
{
	(void)state;
	out8(device, 0x64, 0xaa);
	out8(device, 0xcf9, 0x02);
	assert_round_trip(device);
	assert_int_equal(in8(device, 0x60), 0x55);
	assert_load_refused(device, offsetof(struct reset_state, status), 0x80);
	out8(debug, 0x80, 0x42);
	assert_round_trip(debug);
	device_reset(debug);
	assert_int_equal(in8(debug, 0x80), 0);
	assert_load_refused(debug, offsetof(struct debug_state, code) + 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(port_cf9, setup),
		cmocka_unit_test_setup(port_92, setup),
		cmocka_unit_test_setup(keyboard_controller_resets, setup),
		cmocka_unit_test_setup(keyboard_controller_answers, setup),
		cmocka_unit_test_setup(nothing_is_plugged_in, setup),
		cmocka_unit_test_setup(debug_ports, setup),
		cmocka_unit_test_setup(save_and_load, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
