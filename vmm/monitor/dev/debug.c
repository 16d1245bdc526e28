/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/dev/debug.h"

static void debug_write(struct device *device, u64 address, u32 size, u64 value)
{
	struct debug_state *state = device->state;

	(void)size;
	if (address == DEBUG_CODE_PORT) {
		state->code = value & 0xff;
	} else if (address == DEBUG_EXIT_PORT || address == DEBUG_OTHER_EXIT) {
		device->events->pending |= MACHINE_EXIT;
		device->events->exit_code = value & 0xff;
	}
}

static u64 debug_read(struct device *device, u64 address, u32 size)
{
	const struct debug_state *state = device->state;

	(void)size;
	return address == DEBUG_CODE_PORT ? state->code : 0;
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

static const struct device_ops debug_ops = {
	.widest = 4,
	.read = debug_read,
	.write = debug_write,
	.reset = debug_reset,
	.valid = debug_valid,
};

void debug_init(struct debug *debug, struct machine_events *events)
{
	debug->device = (struct device){
		.name = "debug",
		.ops = &debug_ops,
		.state = &debug->state,
		.state_bytes = sizeof(debug->state),
		.events = events,
	};
	device_reset(&debug->device);
}
