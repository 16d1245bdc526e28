/* SPDX-License-Identifier: MIT */
/* ACPI fixed hardware: timer, power button, SCI, power-off. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/acpi_pm.c"

static struct acpi_pm *pm;
static struct device *device;

static u32 in(u32 port, u32 size)
{
	return (u32)fixture_read(device, port, size);
}

static void out(u32 port, u32 size, u32 value)
{
	fixture_write(device, port, size, value);
}

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	device = fixture_attach(acpi_pm_attach, &fixture_config);
	pm = CONTAINER_OF(device, struct acpi_pm, device);
	return 0;
}

static void timer_counts_guest_time(void **state)
{
	(void)state;
	assert_int_equal(in(0x608, 4), 0);
	fixture_platform.clock.now_ns = NS_PER_S;
	assert_int_equal(in(0x608, 4), ACPI_PM_TIMER_HZ);
	assert_int_equal(in(0x608, 1), ACPI_PM_TIMER_HZ & 0xff);
	assert_int_equal(in(0x60a, 2), ACPI_PM_TIMER_HZ >> 16);
	out(0x608, 4, 0);
	assert_int_equal(in(0x608, 4), ACPI_PM_TIMER_HZ);
}

static void timer_status_follows_the_highest_bit(void **state)
{
	u64 half_ns = mul_div(1ull << 31, NS_PER_S, ACPI_PM_TIMER_HZ);

	(void)state;
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	out(0x602, 2, ACPI_PM1_TMR);
	assert_true(device->deadline_ns > half_ns && device->deadline_ns < half_ns + 10);
	fixture_run_until(device, half_ns - 1000);
	assert_int_equal(in(0x600, 2), 0);
	fixture_run_until(device, half_ns + 1000);
	assert_true(fixture_line[9]);
	assert_int_equal(in(0x608, 4) >> 31, 1);
	assert_int_equal(in(0x600, 2), ACPI_PM1_TMR);
	out(0x600, 2, ACPI_PM1_TMR);
	assert_false(fixture_line[9]);
	fixture_run_until(device, 2 * half_ns + 1000);
	assert_true(fixture_line[9]);
}

static void power_button(void **state)
{
	(void)state;
	acpi_pm_power_button(pm);
	assert_false(fixture_line[9]);
	assert_int_equal(in(0x600, 2), ACPI_PM1_PWRBTN);
	out(0x602, 2, 0xffff);
	assert_true(fixture_line[9]);
	assert_int_equal(in(0x602, 2), PM1_ENABLE_DEFINED);
	out(0x600, 2, ACPI_PM1_PWRBTN);
	acpi_pm_power_button(pm);
	assert_true(fixture_line[9]);
	/* Writing 0 leaves a status bit, writing 1 clears it; with byte accesses too. */
	out(0x600, 1, 0xff);
	assert_int_equal(in(0x601, 1), ACPI_PM1_PWRBTN >> 8);
	out(0x601, 1, ACPI_PM1_PWRBTN >> 8);
	assert_int_equal(in(0x600, 4), PM1_ENABLE_DEFINED << 16);
	assert_false(fixture_line[9]);
}

/* Linux clears the status just before it enables the event. */
static void pressed_before_anybody_listens(void **state)
{
	(void)state;
	acpi_pm_power_button(pm);
	out(0x602, 2, ACPI_PM1_GBL);
	out(0x600, 2, 0xffff);
	assert_int_equal(in(0x600, 2), 0);
	assert_round_trip(device);
	out(0x602, 2, ACPI_PM1_GBL | ACPI_PM1_PWRBTN);
	assert_true(fixture_line[9]);
	assert_int_equal(in(0x600, 2), ACPI_PM1_PWRBTN);
	/* a press sets the status bit once */
	out(0x600, 2, ACPI_PM1_PWRBTN);
	out(0x602, 2, 0);
	out(0x602, 2, ACPI_PM1_PWRBTN);
	assert_false(fixture_line[9]);
	/* and not beyond a reset */
	out(0x602, 2, 0);
	acpi_pm_power_button(pm);
	device_reset(device);
	out(0x602, 2, ACPI_PM1_PWRBTN);
	assert_false(fixture_line[9]);
	assert_load_refused(device, offsetof(struct acpi_pm_state, pressed), 1);
}

static void sleep_five_powers_off(void **state)
{
	(void)state;
	assert_int_equal(in(0x604, 2), ACPI_PM1_SCI_EN);
	out(0x604, 2, 3u << ACPI_PM1_SLP_TYP_SHIFT | ACPI_PM1_SLP_EN);
	assert_int_equal(fixture_platform.events.pending, 0);
	out(0x604, 2, 5u << ACPI_PM1_SLP_TYP_SHIFT);
	assert_int_equal(fixture_platform.events.pending, 0);
	assert_int_equal(in(0x604, 2), 5u << ACPI_PM1_SLP_TYP_SHIFT | ACPI_PM1_SCI_EN);
	/* SLP_EN and SLP_TYP may be written as one byte. */
	out(0x605, 1, 5u << (ACPI_PM1_SLP_TYP_SHIFT - 8) | ACPI_PM1_SLP_EN >> 8);
	assert_int_equal(fixture_platform.events.pending, MACHINE_POWER_OFF);
	fixture_platform.events.pending = 0;
	out(0x604, 2, 0);
	assert_int_equal(fixture_platform.events.pending, 0);
	out(0x604, 2, 0x2000); /* a guest writes this value on QEMU to power off */
	assert_int_equal(fixture_platform.events.pending, MACHINE_POWER_OFF);
	assert_int_equal(in(0x604, 2) & ACPI_PM1_SLP_EN, 0);
}

/*
 * The event of a new generation ID is kept until the guest clears it, and heard when the guest
 * listens.
 */
static void another_generation(void **state)
{
	(void)state;
	acpi_pm_generation(pm);
	assert_int_equal(in(0x620, 2), 1);
	assert_false(fixture_line[9]);
	out(0x622, 2, 1);
	assert_true(fixture_line[9]);
	out(0x620, 2, 1);
	assert_false(fixture_line[9]);
	acpi_pm_generation(pm);
	assert_true(fixture_line[9]);
	assert_round_trip(device);
}

static void general_purpose_events(void **state)
{
	(void)state;
	out(0x622, 2, 0x0102);
	assert_int_equal(in(0x620, 4), 0x01020000);
	assert_int_equal(in(0x623, 1), 0x01);
	out(0x623, 1, 0x05);
	assert_int_equal(in(0x622, 2), 0x0502);
	assert_false(fixture_line[9]);
	pm->state.gpe_status = 0x0203;
	(void)in(0x620, 2);
	assert_true(fixture_line[9]);
	out(0x620, 2, 0x0001);
	assert_int_equal(in(0x620, 2), 0x0202);
	out(0x620, 4, 0x00000002);
	assert_int_equal(in(0x620, 4), 0x00000200);
	assert_false(fixture_line[9]);
}

static void save_and_load(void **state)
{
	(void)state;
	acpi_pm_power_button(pm);
	out(0x602, 2, ACPI_PM1_PWRBTN);
	assert_round_trip(device);
	assert_true(fixture_line[9]);
	assert_load_refused(device, offsetof(struct acpi_pm_state, status) + 1, 0x40);
	assert_load_refused(device, offsetof(struct acpi_pm_state, control), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timer_counts_guest_time, setup),
		cmocka_unit_test_setup(timer_status_follows_the_highest_bit, setup),
		cmocka_unit_test_setup(power_button, setup),
		cmocka_unit_test_setup(pressed_before_anybody_listens, setup),
		cmocka_unit_test_setup(sleep_five_powers_off, setup),
		cmocka_unit_test_setup(another_generation, setup),
		cmocka_unit_test_setup(general_purpose_events, setup),
		cmocka_unit_test_setup(save_and_load, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
