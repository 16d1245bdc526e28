/* SPDX-License-Identifier: MIT */
/*
 * A watchdog timer that crashes the VM when the guest stops kicking it (watchdog.h). Attached by
 * platform.c; owns its count and tells the monitor by the platform's events.
 */
#include "vmm/monitor/dev/watchdog.h"

#include "vmm/monitor/platform/platform_add.h"
#include "vmm/rt/checked.h"

/*
 * Returns the seconds left until the watchdog expires, cut to 16 bits, as a loaded state may have
 * any number.
 */
static u64 watchdog_left_s(const struct device *device)
{
	const struct watchdog_state *state = device->state;
	u64 now = device_now_ns(device);

	if ((state->control & WATCHDOG_RUN) == 0 || state->expires_ns <= now)
		return 0;
	return MIN((state->expires_ns - now + NS_PER_S - 1) / NS_PER_S, WATCHDOG_COUNT_MAX);
}

static void watchdog_begin_anew(struct device *device)
{
	struct watchdog_state *state = device->state;
	u64 seconds = MAX(MIN((u64)state->count, WATCHDOG_COUNT_MAX), 1);

	state->expires_ns = 0;
	if ((state->control & WATCHDOG_RUN) != 0)
		state->expires_ns = device_now_ns(device) + seconds * NS_PER_S;
}

static void watchdog_tick(struct device *device)
{
	struct watchdog_state *state = device->state;

	if ((state->control & WATCHDOG_RUN) != 0 && state->expires_ns <= device_now_ns(device)) {
		state->control &= (u8)~WATCHDOG_RUN;
		state->expires_ns = 0;
		device->events->pending |= MACHINE_WATCHDOG;
		device->events->watchdog_s = state->count;
	}
	device_set_deadline(device, (state->control & WATCHDOG_RUN) != 0 ? state->expires_ns
									 : DEADLINE_NONE);
}

static u64 watchdog_read(struct device *device, u32 region, u64 offset, u32 size)
{
	const struct watchdog_state *state = device->state;
	u64 registers = state->control | (u64)state->count << (8 * WATCHDOG_COUNT) |
			watchdog_left_s(device) << (8 * WATCHDOG_LEFT);

	(void)region;
	return registers >> (8 * offset) & (size == 1 ? 0xff : 0xffff);
}

static void watchdog_write_byte(struct watchdog_state *state, u64 at, u8 value)
{
	switch (at) {
	case WATCHDOG_CONTROL:
		state->control = value & WATCHDOG_RUN;
		break;
	case WATCHDOG_COUNT:
		state->count = (u16)((state->count & 0xff00) | value);
		break;
	case WATCHDOG_COUNT + 1:
		state->count = (u16)((state->count & 0xff) | value << 8);
		break;
	default: /* the kick register, whose write watchdog_write handles, or a read-only one */
		break;
	}
}

/* Handles a write to a register: each one, except to WATCHDOG_LEFT, is a sign of life. */
static void watchdog_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	(void)region;
	for (u32 i = 0; i < size; i++)
		watchdog_write_byte(device->state, offset + i, (u8)(value >> (8 * i)));
	if (offset < WATCHDOG_LEFT)
		watchdog_begin_anew(device);
	watchdog_tick(device);
}

/*
 * Extends the time until the watchdog expires by `ns`: in the jump of guest time the guest could
 * give no sign of life.
 */
static void watchdog_jumped(struct device *device, u64 ns)
{
	struct watchdog_state *state = device->state;

	if ((state->control & WATCHDOG_RUN) != 0 &&
	    !checked_add(state->expires_ns, ns, &state->expires_ns))
		state->expires_ns = DEADLINE_NONE;
	watchdog_tick(device);
}

static void watchdog_reset(struct device *device)
{
	struct watchdog_state *state = device->state;

	*state = (struct watchdog_state){.count = WATCHDOG_COUNT_START};
	watchdog_tick(device);
}

static bool watchdog_valid(const void *bytes)
{
	const struct watchdog_state *state = bytes;

	for (size_t i = 0; i < ARRAY_COUNT(state->reserved); i++)
		if (state->reserved[i] != 0)
			return false;
	return (state->control & ~WATCHDOG_RUN) == 0 &&
	       (state->expires_ns == 0 || state->control == WATCHDOG_RUN);
}

static const struct device_region watchdog_region = {DEVICE_PORTS, WATCHDOG_PORT,
						     WATCHDOG_PORT_COUNT};

static const struct device_ops watchdog_ops = {
	.widest = 2,
	.read = watchdog_read,
	.write = watchdog_write,
	.reset = watchdog_reset,
	.tick = watchdog_tick,
	.jumped = watchdog_jumped,
	.valid = watchdog_valid,
};

enum status watchdog_attach(struct platform *platform, const struct platform_config *config)
{
	struct watchdog *watchdog = platform_take(platform, sizeof(*watchdog));

	(void)config;
	if (watchdog == NULL)
		return STATUS_NO_MEMORY;
	watchdog->device = (struct device){
		.name = "watchdog",
		.ops = &watchdog_ops,
		.regions = &watchdog_region,
		.region_count = 1,
		.state = &watchdog->state,
		.state_bytes = sizeof(watchdog->state),
		.kind = STATE_WATCHDOG,
		.version = 1,
	};
	return platform_add(platform, &watchdog->device);
}
