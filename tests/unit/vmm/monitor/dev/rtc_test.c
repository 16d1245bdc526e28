/* SPDX-License-Identifier: MIT */
/* The MC146818: date, formats, alarm, periodic and update interrupts, CMOS bytes. */
#include "tests/unit/device_fixture.h"

#include <time.h>

#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/rtc.c"
#include "vmm/rt/date.h"

#define START_S 1709251199ull /* Thu 29 Feb 2024 23:59:59 UTC */

static struct rtc *rtc;
static struct device *device, *pm;

static u32 get(u32 reg)
{
	out8(device, 0x70, reg);
	return in8(device, 0x71);
}

static void set(u32 reg, u32 value)
{
	out8(device, 0x70, reg);
	out8(device, 0x71, value);
}

static void pass_ns(u64 ns)
{
	fixture_run_until(device, fixture_platform.clock.now_ns + ns);
}

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	fixture_platform.clock.now_ns = 5000;
	fixture_platform.clock.wall_ns = START_S * NS_PER_S;
	device = fixture_attach(rtc_attach, &fixture_config);
	pm = fixture_attach(acpi_pm_attach, &fixture_config);
	rtc = CONTAINER_OF(device, struct rtc, device);
	return 0;
}

static void calendar_agrees_with_the_c_library(void **state)
{
	(void)state;
	for (s64 at = -62167219200; at < 253402300800; at += 86400 * 11 + 12347) {
		struct date mine = date_from_seconds(at);
		time_t when = (time_t)at;
		struct tm libs;

		gmtime_r(&when, &libs);
		assert_int_equal(mine.year, libs.tm_year + 1900);
		assert_int_equal(mine.month, libs.tm_mon + 1);
		assert_int_equal(mine.day, libs.tm_mday);
		assert_int_equal(mine.weekday, libs.tm_wday + 1);
		assert_int_equal(mine.hour, libs.tm_hour);
		assert_int_equal(mine.minute, libs.tm_min);
		assert_int_equal(mine.second, libs.tm_sec);
		assert_true(date_to_seconds(&mine) == at);
	}
}

static void date_in_all_formats(void **state)
{
	(void)state;
	assert_int_equal(get(RTC_B), RTC_B_24H);
	assert_int_equal(get(RTC_SECONDS), 0x59);
	assert_int_equal(get(RTC_MINUTES), 0x59);
	assert_int_equal(get(RTC_HOURS), 0x23);
	assert_int_equal(get(RTC_WEEKDAY), 5);
	assert_int_equal(get(RTC_DAY), 0x29);
	assert_int_equal(get(RTC_MONTH), 0x02);
	assert_int_equal(get(RTC_YEAR), 0x24);
	assert_int_equal(get(RTC_CENTURY), 0x20);
	set(RTC_B, RTC_B_BINARY);
	assert_int_equal(get(RTC_SECONDS), 59);
	assert_int_equal(get(RTC_HOURS), 11 | RTC_HOURS_PM);
	pass_ns(NS_PER_S);
	assert_int_equal(get(RTC_HOURS), 12); /* 12 stands for midnight */
	assert_int_equal(get(RTC_MONTH), 3);
	assert_int_equal(get(RTC_DAY), 1);
	set(RTC_B, 0);
	pass_ns(12 * 3600 * NS_PER_S);
	assert_int_equal(get(RTC_HOURS), 0x12 | RTC_HOURS_PM);
	set(RTC_B, RTC_B_24H);
	assert_int_equal(get(RTC_HOURS), 0x12);
}

static void follows_the_wall_clock_through_a_pause(void **state)
{
	(void)state;
	/* only wall time goes on, as during a pause */
	fixture_platform.clock.wall_ns += 3600 * NS_PER_S;
	assert_int_equal(get(RTC_HOURS), 0x00);
	assert_int_equal(get(RTC_DAY), 0x01);
}

static void setting_the_date(void **state)
{
	(void)state;
	fixture_platform.clock.wall_ns += 300 * NS_PER_MS;
	set(RTC_B, RTC_B_SET | RTC_B_24H);
	set(RTC_SECONDS, 0x30);
	set(RTC_HOURS, 0x08);
	set(RTC_MONTH, 0x12);
	set(RTC_DAY, 0x31);
	set(RTC_YEAR, 0x99);
	set(RTC_CENTURY, 0x19);
	pass_ns(10 * NS_PER_S); /* with SET nothing moves */
	assert_int_equal(get(RTC_SECONDS), 0x30);
	set(RTC_B, RTC_B_24H);
	assert_int_equal(get(RTC_SECONDS), 0x30);
	pass_ns(699 * NS_PER_MS);
	assert_int_equal(get(RTC_SECONDS), 0x30);
	pass_ns(NS_PER_MS);
	assert_int_equal(get(RTC_SECONDS), 0x31);
	assert_int_equal(get(RTC_CENTURY), 0x19);
	assert_int_equal(get(RTC_WEEKDAY), 6); /* 6 stands for Friday */
	/* Without SET too, and in 12-hour mode. */
	set(RTC_YEAR, 0x98);
	assert_int_equal(get(RTC_YEAR), 0x98);
	set(RTC_B, 0);
	set(RTC_HOURS, 0x12);
	set(RTC_B, RTC_B_24H);
	assert_int_equal(get(RTC_HOURS), 0x00);
	set(RTC_B, 0);
	set(RTC_HOURS, RTC_HOURS_PM | 0x11);
	set(RTC_B, RTC_B_24H);
	assert_int_equal(get(RTC_HOURS), 0x23);
	set(RTC_HOURS, 0x12);
	assert_int_equal(get(RTC_HOURS), 0x12);
	set(RTC_MINUTES, 0x05);
	assert_int_equal(get(RTC_MINUTES), 0x05);
	assert_int_equal(get(RTC_SECONDS), 0x31);
	/* Invalid values are harmless. */
	set(RTC_MONTH, 0xff);
	set(RTC_YEAR, 0xff);
	set(RTC_CENTURY, 0xff);
	set(RTC_DAY, 0xff);
	(void)get(RTC_SECONDS);
}

static void divider_reset(void **state)
{
	(void)state;
	set(RTC_A, RTC_A_DIVIDER_RESET | 6);
	pass_ns(5 * NS_PER_S);
	assert_int_equal(get(RTC_SECONDS), 0x59);
	set(RTC_A, RTC_A_DIVIDER_32KHZ | 6);
	pass_ns(499 * NS_PER_MS);
	assert_int_equal(get(RTC_SECONDS), 0x59);
	pass_ns(NS_PER_MS);
	assert_int_equal(get(RTC_SECONDS), 0x00);
}

static void update_in_progress(void **state)
{
	(void)state;
	assert_int_equal(get(RTC_A), 0x26);
	pass_ns(NS_PER_S - 2229 * NS_PER_US);
	assert_int_equal(get(RTC_A), 0x26);
	pass_ns(2 * NS_PER_US);
	assert_int_equal(get(RTC_A), 0xa6);
	pass_ns(2227 * NS_PER_US);
	assert_int_equal(get(RTC_A), 0x26);
	set(RTC_A, 0xff); /* UIP is read-only */
	assert_int_equal(get(RTC_A), 0x7f);
}

static void update_interrupt(void **state)
{
	(void)state;
	assert_int_equal(get(RTC_C), 0);
	pass_ns(NS_PER_S);
	assert_int_equal(get(RTC_C) & (RTC_C_UF | RTC_C_IRQF), RTC_C_UF);
	assert_int_equal(fixture_edges[8], 0);
	set(RTC_B, RTC_B_24H | RTC_B_UIE);
	(void)get(RTC_C);
	for (u32 i = 1; i <= 5; i++) {
		pass_ns(NS_PER_S);
		assert_int_equal(fixture_edges[8], i);
		assert_int_equal(get(RTC_C) & (RTC_C_UF | RTC_C_IRQF), RTC_C_UF | RTC_C_IRQF);
		assert_false(fixture_line[8]);
		assert_int_equal(get(RTC_C), 0);
	}
	/* An update interrupt is disabled while its flag is set: the line falls, the flag stays. */
	pass_ns(NS_PER_S);
	set(RTC_B, RTC_B_24H);
	assert_false(fixture_line[8]);
	assert_int_equal(get(RTC_C) & (RTC_C_UF | RTC_C_IRQF), RTC_C_UF);
	/* Setting SET clears UIE. */
	set(RTC_B, RTC_B_24H | RTC_B_UIE | RTC_B_SET);
	assert_int_equal(get(RTC_B), RTC_B_24H | RTC_B_SET);
}

static void periodic_interrupt(void **state)
{
	u32 count = 0;
	u64 end;

	(void)state;
	set(RTC_B, RTC_B_24H | RTC_B_PIE); /* 1024 Hz */
	end = fixture_platform.clock.now_ns + NS_PER_S;
	while (device->deadline_ns <= end) {
		pass_ns(device->deadline_ns - fixture_platform.clock.now_ns);
		assert_true(fixture_line[8]);
		assert_true(get(RTC_C) & RTC_C_PF);
		count++;
	}
	assert_in_range(count, 1023, 1025);
	/* Until C is read there is no further interrupt, and no deadline. */
	pass_ns(NS_PER_S);
	assert_true(fixture_line[8]);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	set(RTC_A, 0x2f); /* 2 Hz */
	(void)get(RTC_C);
	assert_true(device->deadline_ns - fixture_platform.clock.now_ns <= 500 * NS_PER_MS + 10);
	set(RTC_A, 0x21); /* rates 1 and 2 are irregular: 256 Hz */
	assert_true(device->deadline_ns - fixture_platform.clock.now_ns <= 3906300);
	set(RTC_A, 0x22); /* a rate of 128 Hz */
	pass_ns(device->deadline_ns - fixture_platform.clock.now_ns);
	(void)get(RTC_C);
	assert_in_range(device->deadline_ns - fixture_platform.clock.now_ns, 7812499, 7812501);
	set(RTC_A, 0x20); /* no periodic interrupt */
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
}

static void alarm_interrupt(void **state)
{
	(void)state;
	set(RTC_SECONDS_ALARM, 0x10);
	set(RTC_MINUTES_ALARM, 0x02);
	set(RTC_HOURS_ALARM, 0x00);
	set(RTC_B, RTC_B_24H | RTC_B_AIE);
	(void)get(RTC_C);
	/* 23:59:59 to 00:02:10 are 131 seconds. */
	assert_int_equal(device->deadline_ns, 5000 + 131 * NS_PER_S);
	pass_ns(130 * NS_PER_S);
	assert_int_equal(fixture_edges[8], 0);
	pass_ns(NS_PER_S);
	assert_int_equal(fixture_edges[8], 1);
	assert_true(get(RTC_C) & RTC_C_AF);
	/* "Don't care" bytes: every minute at second 10. */
	set(RTC_MINUTES_ALARM, 0xff);
	set(RTC_HOURS_ALARM, 0xc0);
	pass_ns(60 * NS_PER_S);
	assert_int_equal(fixture_edges[8], 2);
	(void)get(RTC_C);
	/* 23:59:59 exists, */
	set(RTC_HOURS_ALARM, 0x23);
	set(RTC_MINUTES_ALARM, 0x59);
	set(RTC_SECONDS_ALARM, 0x59);
	assert_int_not_equal(device->deadline_ns, DEADLINE_NONE);
	/* as does an hour alone. */
	set(RTC_HOURS_ALARM, 0x05);
	set(RTC_MINUTES_ALARM, 0xff);
	set(RTC_SECONDS_ALARM, 0xff);
	assert_int_equal(device->deadline_ns, 5000 + (5 * 3600 + 1) * NS_PER_S);
	/* While the date is being set nothing matches, */
	set(RTC_B, RTC_B_24H | RTC_B_AIE | RTC_B_SET);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	set(RTC_B, RTC_B_24H | RTC_B_AIE);
	assert_int_not_equal(device->deadline_ns, DEADLINE_NONE);
	/* and invalid times never do. */
	set(RTC_HOURS_ALARM, 0x24);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	set(RTC_HOURS_ALARM, 0xff);
	set(RTC_SECONDS_ALARM, 0x99);
	assert_int_equal(device->deadline_ns, DEADLINE_NONE);
	pass_ns(7200 * NS_PER_S);
	assert_int_equal(fixture_edges[8], 2);
}

static bool alarm_matches(u32 reg, u32 value)
{
	u8 byte = rtc->state.byte[reg];

	return (byte & RTC_ALARM_ANY) == RTC_ALARM_ANY || byte == (value / 10 << 4 | value % 10);
}

/* A guest that sleeps has masked IRQ 8 and listens to the fixed event. */
static void alarm_wakes(void **state)
{
	(void)state;
	fixture_write(pm, ACPI_PM_EVENT_PORT + 2, 2, ACPI_PM1_RTC);
	set(RTC_SECONDS_ALARM, 0x10);
	set(RTC_MINUTES_ALARM, 0xff);
	set(RTC_HOURS_ALARM, 0xff);
	pass_ns(30 * NS_PER_S); /* nobody has asked for the alarm */
	assert_int_equal(fixture_read(pm, ACPI_PM_EVENT_PORT, 2), 0);
	(void)get(RTC_C);
	set(RTC_B, RTC_B_24H | RTC_B_AIE | RTC_B_UIE);
	pass_ns(40 * NS_PER_S);
	assert_int_equal(fixture_read(pm, ACPI_PM_EVENT_PORT, 2), 0);
	assert_false(fixture_line[9]);
	pass_ns(NS_PER_S);
	assert_true(fixture_line[9]);
	assert_int_equal(fixture_read(pm, ACPI_PM_EVENT_PORT, 2), ACPI_PM1_RTC);
	/* the status bit is set once for each alarm */
	fixture_write(pm, ACPI_PM_EVENT_PORT, 2, ACPI_PM1_RTC);
	assert_false(fixture_line[9]);
	pass_ns(5 * NS_PER_S);
	assert_false(fixture_line[9]);
	(void)get(RTC_C);
	pass_ns(60 * NS_PER_S);
	assert_true(fixture_line[9]);
	assert_int_equal(fixture_edges[9], 2);
}

/*
 * Returns when the alarm is due by the data sheet: its bytes are compared with the date, second by
 * second.
 */
static s64 alarm_awaited(s64 seconds)
{
	for (s64 at = seconds + 1; at <= seconds + 86400; at++) {
		struct date time = date_from_seconds(at);

		if (alarm_matches(RTC_HOURS_ALARM, time.hour) &&
		    alarm_matches(RTC_MINUTES_ALARM, time.minute) &&
		    alarm_matches(RTC_SECONDS_ALARM, time.second))
			return at;
	}
	return -1;
}

static void alarm_comes_at_the_first_second_that_matches(void **state)
{
	static const u8 hours[] = {0x00, 0x07, 0x23, 0x24, 0xc0};
	static const u8 others[] = {0x00, 0x31, 0x59, 0x60, 0xff};
	static const s64 days[] = {-1, 0, START_S / 86400};
	static const s64 in_day[] = {0, 1, 59, 60, 7 * 3600 + 31 * 60 + 30, 86398, 86399};
	u8 *byte = rtc->state.byte;

	(void)state;
	for (u32 i = 0; i < 125; i++) {
		byte[RTC_HOURS_ALARM] = hours[i / 25];
		byte[RTC_MINUTES_ALARM] = others[i / 5 % 5];
		byte[RTC_SECONDS_ALARM] = others[i % 5];
		for (u32 j = 0; j < ARRAY_COUNT(days) * ARRAY_COUNT(in_day); j++) {
			s64 at =
				days[j % ARRAY_COUNT(days)] * 86400 + in_day[j / ARRAY_COUNT(days)];

			assert_true(rtc_next_alarm(&rtc->state, at) == alarm_awaited(at));
		}
	}
}

static void wall_clock_set_back(void **state)
{
	(void)state;
	set(RTC_B, RTC_B_24H | RTC_B_UIE);
	fixture_platform.clock.wall_ns -= 1000 * NS_PER_S;
	device->ops->tick(device);
	(void)get(RTC_C);
	pass_ns(NS_PER_S);
	assert_true(get(RTC_C) & RTC_C_UF);
	assert_int_equal(get(RTC_MINUTES), 0x43);
}

static void cmos_bytes(void **state)
{
	u32 sum = 0;

	(void)state;
	assert_int_equal(get(RTC_D), 0x80);
	set(RTC_D, 0);
	assert_int_equal(get(RTC_D), 0x80);
	assert_int_equal(get(RTC_BASE_KIB) | get(RTC_BASE_KIB + 1) << 8, 640);
	assert_int_equal(get(RTC_EXTENDED_KIB) | get(RTC_EXTENDED_KIB + 1) << 8, 0xffff);
	assert_int_equal(get(RTC_EXTENDED_KIB_2) | get(RTC_EXTENDED_KIB_2 + 1) << 8, 0xffff);
	assert_int_equal(get(RTC_ABOVE_16M) | get(RTC_ABOVE_16M + 1) << 8, 3 * 16384 - 256);
	assert_int_equal(get(RTC_ABOVE_4G + 1), 0x80); /* 2 GiB in 64 KiB: 0x8000 */
	for (u32 i = 0x10; i < 0x2e; i++)
		sum += get(i);
	assert_int_equal(get(RTC_CHECKSUM) << 8 | get(RTC_CHECKSUM + 1), sum);
	set(RTC_SHUTDOWN, 0x0a);
	set(0x80 | 0x7f, 0x5a); /* bit 7 of the index masks NMI */
	assert_int_equal(get(0x7f), 0x5a);
	assert_int_equal(in8(device, 0x70), 0xff);

	/* A reset keeps date and CMOS bytes. */
	set(RTC_HOURS, 0x04);
	set(RTC_B, RTC_B_24H | RTC_B_PIE);
	pass_ns(10 * NS_PER_MS);
	assert_true(fixture_line[8]);
	device_reset(device);
	assert_false(fixture_line[8]);
	assert_int_equal(rtc->state.index, 0);
	assert_int_equal(get(RTC_C), 0);
	assert_int_equal(get(RTC_SHUTDOWN), 0x0a);
	assert_int_equal(get(RTC_HOURS), 0x04);
	assert_int_equal(get(RTC_B), RTC_B_24H);
}

static void save_and_load(void **state)
{
	struct rtc_state saved;

	(void)state;
	set(RTC_HOURS, 0x04);
	set(RTC_B, RTC_B_24H | RTC_B_UIE);
	assert_int_equal(device_save(device, &saved, sizeof(saved)), STATUS_OK);
	memset(&fixture_platform.ports, 0, sizeof(fixture_platform.ports));
	device = fixture_attach(rtc_attach, &(struct platform_config){0});
	rtc = CONTAINER_OF(device, struct rtc, device);
	assert_int_equal(device_load(device, &saved, sizeof(saved)), STATUS_OK);
	assert_memory_equal(&saved, &rtc->state, sizeof(saved));
	assert_int_equal(get(RTC_HOURS), 0x04);
	assert_int_equal(device->deadline_ns, 5000 + NS_PER_S);
	assert_load_refused(device, offsetof(struct rtc_state, index), 0x80);
	assert_load_refused(device, offsetof(struct rtc_state, phase_ns) + 7, 1);
	assert_load_refused(device, offsetof(struct rtc_state, offset_s) + 7, 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar_agrees_with_the_c_library),
		cmocka_unit_test_setup(date_in_all_formats, setup),
		cmocka_unit_test_setup(follows_the_wall_clock_through_a_pause, setup),
		cmocka_unit_test_setup(setting_the_date, setup),
		cmocka_unit_test_setup(divider_reset, setup),
		cmocka_unit_test_setup(update_in_progress, setup),
		cmocka_unit_test_setup(update_interrupt, setup),
		cmocka_unit_test_setup(periodic_interrupt, setup),
		cmocka_unit_test_setup(alarm_interrupt, setup),
		cmocka_unit_test_setup(alarm_wakes, setup),
		cmocka_unit_test_setup(alarm_comes_at_the_first_second_that_matches, setup),
		cmocka_unit_test_setup(wall_clock_set_back, setup),
		cmocka_unit_test_setup(cmos_bytes, setup),
		cmocka_unit_test_setup(save_and_load, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
