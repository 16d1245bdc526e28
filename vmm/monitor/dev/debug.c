/* SPDX-License-Identifier: MIT */
/*
 * The debug-exit and POST-code ports (debug.h). Attached by platform.c; owns the last POST code and
 * ends the VM by the platform's events.
 */
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/platform/platform_add.h"

enum debug_region { DEBUG_REGION_CODE, DEBUG_REGION_EXIT, DEBUG_REGION_OTHER_EXIT };

static void debug_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct debug_state *state = device->state;

	(void)size;
	if (region == DEBUG_REGION_CODE) {
		state->code = value & 0xff;
	} else if (offset == 0) {
		device->events->pending |= MACHINE_EXIT;
		device->events->exit_code = value & 0xff;
	}
}

static u64 debug_read(struct device *device, u32 region, u64 offset, u32 size)
{
	const struct debug_state *state = device->state;

	(void)offset, (void)size;
	return region == DEBUG_REGION_CODE ? state->code : 0;
}

static void debug_reset(struct device *device)
{
	struct debug_state *state = device->state;

	state->code = 0;
}

static bool debug_valid(const void *bytes)
{
	const struct debug_state *state = bytes;

	return state->code <= 0xff;
}

static const struct device_region debug_regions[] = {
	[DEBUG_REGION_CODE] = {DEVICE_PORTS, DEBUG_CODE_PORT, 1},
	[DEBUG_REGION_EXIT] = {DEVICE_PORTS, DEBUG_EXIT_PORT, DEBUG_EXIT_BYTES},
	[DEBUG_REGION_OTHER_EXIT] = {DEVICE_PORTS, DEBUG_OTHER_EXIT, DEBUG_OTHER_BYTES},
};

static const struct device_ops debug_ops = {
	.widest = 4,
	.read = debug_read,
	.write = debug_write,
	.reset = debug_reset,
	.valid = debug_valid,
};

enum status debug_attach(struct platform *platform, const struct platform_config *config)
{
	struct debug *debug = platform_take(platform, sizeof(*debug));

	(void)config;
	if (debug == NULL)
		return STATUS_NO_MEMORY;
	debug->device = (struct device){
		.name = "debug",
		.ops = &debug_ops,
		.regions = debug_regions,
		.region_count = ARRAY_COUNT(debug_regions),
		.state = &debug->state,
		.state_bytes = sizeof(debug->state),
		.kind = STATE_DEBUG,
		.version = 1,
	};
	return platform_add(platform, &debug->device);
}
