/* SPDX-License-Identifier: MIT */
/*
 * The CRT controller of a VGA, whose registers keep their values but show nothing (crtc.h).
 * Attached by platform.c; owns its registers only.
 */
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/platform/platform_add.h"

#define NOTHING 0xffu

static u64 crtc_read(struct device *device, u32 region, u64 offset, u32 size)
{
	const struct crtc_state *state = device->state;

	(void)region, (void)size;
	if (offset == 0)
		return state->index;
	return state->index < CRTC_REGISTERS ? state->value[state->index] : NOTHING;
}

static void crtc_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct crtc_state *state = device->state;

	(void)region, (void)size;
	if (offset == 0)
		state->index = (u8)value;
	else if (state->index < CRTC_REGISTERS)
		state->value[state->index] = (u8)value;
}

static void crtc_reset(struct device *device)
{
	memset(device->state, 0, device->state_bytes);
}

static bool crtc_valid(const void *bytes)
{
	(void)bytes;
	return true;
}

static const struct device_region crtc_regions[] = {
	{DEVICE_PORTS, CRTC_INDEX_PORT, CRTC_PORT_COUNT},
};

static const struct device_ops crtc_ops = {
	.widest = 1,
	.read = crtc_read,
	.write = crtc_write,
	.reset = crtc_reset,
	.valid = crtc_valid,
};

enum status crtc_attach(struct platform *platform, const struct platform_config *config)
{
	struct crtc *crtc = platform_take(platform, sizeof(*crtc));

	(void)config;
	if (crtc == NULL)
		return STATUS_NO_MEMORY;
	crtc->device = (struct device){
		.name = "crtc",
		.ops = &crtc_ops,
		.regions = crtc_regions,
		.region_count = ARRAY_COUNT(crtc_regions),
		.state = &crtc->state,
		.state_bytes = sizeof(crtc->state),
		.kind = STATE_CRTC,
		.version = 1,
	};
	return platform_add(platform, &crtc->device);
}
