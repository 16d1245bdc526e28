/* SPDX-License-Identifier: MIT */
/* What a guest's firmware writes to its port arrives as lines, whatever it writes. */
#include <string.h>

#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/firmware_log.c"

static char said[4][FIRMWARE_LOG_BYTES + 1];
static u32 said_count;

static void say(void *context, const char *line)
{
	assert_null(context);
	assert_true(strlen(line) <= FIRMWARE_LOG_BYTES);
	strcpy(said[said_count++ % ARRAY_COUNT(said)], line);
}

static struct device *attach(void)
{
	struct platform_config config = fixture_config;

	config.firmware = true;
	config.firmware_say = say;
	said_count = 0;
	fixture_reset();
	return fixture_attach(firmware_log_attach, &config);
}

static void write_text(struct device *device, const char *text)
{
	for (; *text != '\0'; text++)
		out8(device, 0x402, (u8)*text);
}

static void lines_are_said(void **state)
{
	struct device *device = attach();

	(void)state;
	assert_int_equal(in8(device, 0x402), 0xe9);
	write_text(device, "one\r\n\n\033tw");
	assert_int_equal(said_count, 1);
	assert_round_trip(device);
	write_text(device, "o\xff\n");
	assert_int_equal(said_count, 2);
	assert_string_equal(said[0], "one");
	assert_string_equal(said[1], "two");
}

static void nothing_to_boot_is_told(void **state)
{
	struct device *device = attach();

	(void)state;
	write_text(device, "No bootable\n device.\n");
	assert_int_equal(device->events->pending & MACHINE_NO_SYSTEM, 0);
	write_text(device, "No bootable device.\n");
	assert_int_equal(device->events->pending & MACHINE_NO_SYSTEM, MACHINE_NO_SYSTEM);
}

static void a_long_line_is_cut(void **state)
{
	struct device *device = attach();

	(void)state;
	for (u32 i = 0; i < FIRMWARE_LOG_BYTES + 5; i++)
		out8(device, 0x402, 'x');
	assert_int_equal(said_count, 1);
	assert_int_equal(strlen(said[0]), FIRMWARE_LOG_BYTES);
	out8(device, 0x402, '\n');
	assert_string_equal(said[1], "xxxxx");
	device_reset(device);
	out8(device, 0x402, '\n');
	assert_int_equal(said_count, 2);
}

static void no_state_reaches_beyond_the_line(void **state)
{
	struct device *device = attach();
	struct firmware_log_state bad = {.used = FIRMWARE_LOG_BYTES + 1};

	(void)state;
	assert_int_equal(device_load(device, &bad, sizeof(bad)), STATUS_BAD_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_said),
		cmocka_unit_test(nothing_to_boot_is_told),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(no_state_reaches_beyond_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
