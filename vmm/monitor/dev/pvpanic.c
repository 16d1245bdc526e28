/* SPDX-License-Identifier: MIT */
/*
 * The port by which a guest's kernel reports a panic (pvpanic.h). Attached by platform.c; owns the
 * reported events and tells the monitor by the platform's events.
 */
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/platform/platform_add.h"

#define KNOWN (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED)

static u64 pvpanic_read(struct device *device, u32 region, u64 offset, u32 size)
{
	(void)device;
	(void)region;
	(void)offset;
	(void)size;
	return KNOWN;
}

static void pvpanic_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct pvpanic_state *state = device->state;
	u64 news = value & KNOWN & ~state->told;

	(void)region;
	(void)offset;
	(void)size;
	state->told |= news;
	if ((news & PVPANIC_PANICKED) != 0)
		device->events->pending |= MACHINE_PANIC;
	if ((news & PVPANIC_CRASH_LOADED) != 0)
		device->events->pending |= MACHINE_CRASH_KERNEL;
}

static void pvpanic_reset(struct device *device)
{
	memset(device->state, 0, device->state_bytes);
}

static bool pvpanic_valid(const void *bytes)
{
	const struct pvpanic_state *state = bytes;

	return (state->told & ~(u64)KNOWN) == 0;
}

static const struct device_region pvpanic_region = {DEVICE_PORTS, PVPANIC_PORT, PVPANIC_PORT_COUNT};

static const struct device_ops pvpanic_ops = {
	.widest = 1,
	.read = pvpanic_read,
	.write = pvpanic_write,
	.reset = pvpanic_reset,
	.valid = pvpanic_valid,
};

enum status pvpanic_attach(struct platform *platform, const struct platform_config *config)
{
	struct pvpanic *pvpanic = platform_take(platform, sizeof(*pvpanic));

	(void)config;
	if (pvpanic == NULL)
		return STATUS_NO_MEMORY;
	pvpanic->device = (struct device){
		.name = "pvpanic",
		.ops = &pvpanic_ops,
		.regions = &pvpanic_region,
		.region_count = 1,
		.state = &pvpanic->state,
		.state_bytes = sizeof(pvpanic->state),
		.kind = STATE_PVPANIC,
		.version = 1,
	};
	return platform_add(platform, &pvpanic->device);
}
