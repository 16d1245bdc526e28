/* SPDX-License-Identifier: MIT */
#pragma once

/* A device by itself: its clock, its events and a record of its interrupt lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/device_access.h"
#include "vmm/monitor/bus/bus.c"
#include "vmm/monitor/platform/platform_add.h"

static struct platform fixture_platform;
static bool fixture_line[IRQCHIP_LINE_COUNT];
static u32 fixture_edges[IRQCHIP_LINE_COUNT];

/* Stands in for the interrupt controllers. */
void irqchip_set_line(struct irqchip *irqchip, u32 line, bool level)
{
	(void)irqchip;
	assert_true(line < IRQCHIP_LINE_COUNT);
	if (level && !fixture_line[line])
		fixture_edges[line]++;
	fixture_line[line] = level;
}

static u32 fixture_taken;

void irqchip_take_lines(struct irqchip *irqchip, u32 lines)
{
	for (u32 line = 0; line < 32; line++)
		if (fixture_taken & ~lines & BIT(line))
			irqchip_set_line(irqchip, line, false);
	fixture_taken = lines;
}

void irqchip_set_taken_line(struct irqchip *irqchip, u32 line, bool level)
{
	assert_true(fixture_taken >> line & 1);
	irqchip_set_line(irqchip, line, level);
}

static UNUSED void fixture_reset(void)
{
	memset(&fixture_platform, 0, sizeof(fixture_platform));
	fixture_platform.clock = (struct machine_clock){.tsc_khz = 1000000};
	memset(fixture_line, 0, sizeof(fixture_line));
	memset(fixture_edges, 0, sizeof(fixture_edges));
	fixture_taken = 0;
}

static const struct platform_config fixture_config = {
	.cpu_count = 3,
	.ram_below_4g = 3 * GIB,
	.ram_above_4g = 2 * GIB,
	.hpet = true,
	.test_device = true,
};

/* The device that its attach function adds. */
static UNUSED struct device *fixture_attach(
	enum status (*attach)(struct platform *platform, const struct platform_config *config),
	const struct platform_config *config)
{
	u32 count = fixture_platform.device_count;

	assert_true(attach(&fixture_platform, config) == STATUS_OK);
	assert_true(fixture_platform.device_count == count + 1);
	return fixture_platform.device[count];
}

static UNUSED void out8(struct device *device, u32 port, u32 value)
{
	fixture_write(device, port, 1, value);
}

static UNUSED u32 in8(struct device *device, u32 port)
{
	return (u32)fixture_read(device, port, 1);
}

/* Lets time pass, calling tick at each deadline as the machine does. */
static UNUSED void fixture_run_until(struct device *device, u64 ns)
{
	while (device->deadline_ns <= ns) {
		u64 at = device->deadline_ns;

		fixture_platform.clock.wall_ns += at - fixture_platform.clock.now_ns;
		fixture_platform.clock.now_ns = at;
		device->ops->tick(device);
		assert_true(device->deadline_ns > at);
	}
	fixture_platform.clock.wall_ns += ns - fixture_platform.clock.now_ns;
	fixture_platform.clock.now_ns = ns;
}

/* A saved state loads bit for bit over another one; a wrong size is refused. */
static UNUSED void assert_round_trip(struct device *device)
{
	size_t size = device->state_bytes;
	u64 *saved = malloc(size + 8);
	u64 *again = malloc(size + 8);

	assert_int_equal(device_save(device, saved, size), STATUS_OK);
	assert_int_equal(device_save(device, saved, size - 1), STATUS_TOO_BIG);
	device_reset(device);
	assert_int_equal(device_load(device, saved, size + 1), STATUS_BAD_ARGUMENT);
	assert_int_equal(device_load(device, saved, size), STATUS_OK);
	assert_int_equal(device_save(device, again, size), STATUS_OK);
	assert_memory_equal(saved, again, size);
	free(saved);
	free(again);
}

/* A saved state with this byte at the offset is refused, and the device keeps its own. */
static UNUSED void assert_load_refused(struct device *device, size_t offset, u8 byte)
{
	size_t size = device->state_bytes;
	u64 *saved = malloc(size);
	u64 *now = malloc(size);

	assert_int_equal(device_save(device, saved, size), STATUS_OK);
	((u8 *)saved)[offset] = byte;
	assert_int_equal(device_load(device, saved, size), STATUS_BAD_FORMAT);
	((u8 *)saved)[offset] = ((const u8 *)device->state)[offset];
	assert_int_equal(device_save(device, now, size), STATUS_OK);
	assert_memory_equal(saved, now, size);
	free(saved);
	free(now);
}
