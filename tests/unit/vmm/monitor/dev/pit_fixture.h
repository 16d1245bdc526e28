/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the 8254 share: an 8254, its time, and ways to program and read it. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/pit.c"
#include "vmm/monitor/dev/pit_channel.c"

static struct pit *pit;
static struct device *device;

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	device = fixture_attach(pit_attach, &fixture_config);
	pit = CONTAINER_OF(device, struct pit, device);
	fixture_edges[0] = 0;
	return 0;
}

/* Sets the time to so many clocks after the start, without calling tick. */
static void at_clock(u64 clock)
{
	fixture_platform.clock.now_ns = pit_tick_to_ns(clock);
}

static UNUSED void program(u32 channel, u32 mode, u32 count)
{
	out8(device, 0x43, channel << 6 | 0x30 | mode << 1);
	out8(device, 0x40 + channel, count & 0xff);
	out8(device, 0x40 + channel, count >> 8);
}

static UNUSED u32 latched_count(u32 channel)
{
	u32 low;

	out8(device, 0x43, channel << 6);
	low = in8(device, 0x40 + channel);
	return low | in8(device, 0x40 + channel) << 8;
}

static UNUSED u32 status(u32 channel)
{
	out8(device, 0x43, 0xe0 | 2u << channel);
	return in8(device, 0x40 + channel);
}

static UNUSED bool out2(void)
{
	return in8(device, 0x61) & PIT_GATE_OUT_2;
}
