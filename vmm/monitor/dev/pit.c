/* SPDX-License-Identifier: MIT */
/*
 * The 8254 timer of a PC and port 0x61. Attached by platform.c; owns three counters
 * (pit_channel.c), raises interrupt line 0, and makes up for edges that came too late.
 */
#include "vmm/monitor/dev/pit.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/monitor/dev/pit_channel.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/irqchip/irqchip.h"

enum pit_region { PIT_REGION_COUNTERS, PIT_REGION_GATE };

/* The memory refresh request, bit 4 of port 0x61, toggles every 18 clocks (15 microseconds). */
#define REFRESH_CLOCKS 18u
#define BEAT_MIN_TICKS (BEAT_MIN_NS * PIT_HZ / NS_PER_S)
/*
 * The speed of making up for late beats, the interrupts of channel 0. A guest may count beats, and
 * hardware loses none: beats that passed while the CPU ran other threads than the vCPU's are
 * delivered later, at most this many times as fast as programmed.
 */
#define REPAY_SPEED 8u
#define OWED_MAX    1000u

static u64 pit_now(const struct pit *pit)
{
	return mul_div(device_now_ns(&pit->device), PIT_HZ, NS_PER_S);
}

/* Returns the guest time, in nanoseconds, from which on pit_now() is at least `tick`. */
static u64 pit_tick_to_ns(u64 tick)
{
	return mul_div(tick, NS_PER_S, PIT_HZ) + 1;
}

static bool pit_is_kept(const struct pit_channel *channel)
{
	return pit_channel_periodic(channel) && pit_tick_to_ns(channel->count) >= BEAT_MIN_NS;
}

static u64 pit_deadline(const struct pit *pit)
{
	const struct pit_channel *channel = &pit->state.channel[0];
	u64 deadline;

	if (pit->state.edge_tick == DEADLINE_NONE)
		return DEADLINE_NONE;
	deadline = pit_tick_to_ns(MIN(pit->state.edge_tick, pit->state.repay_tick));
	if (pit_channel_periodic(channel) && !pit_is_kept(channel))
		deadline = MAX(deadline, device_now_ns(&pit->device) + BEAT_MIN_NS);
	return deadline;
}

/*
 * Raises an edge of interrupt line 0 even if channel 0's output is low again: an 8259 forgets a
 * request that does not stay high.
 */
static void pit_beat(struct pit *pit, u64 now)
{
	struct pit_state *state = &pit->state;
	u64 period = state->channel[0].count;

	irqchip_set_line(pit->device.irqchip, PIT_IRQ, false);
	irqchip_set_line(pit->device.irqchip, PIT_IRQ, true);
	state->held = !pit_channel_out(&state->channel[0], now);
	state->repay_tick =
		state->owed == 0 ? DEADLINE_NONE : now + MAX(period / REPAY_SPEED, BEAT_MIN_TICKS);
}

/*
 * Counts the edges of channel 0 that came late: the present one, and more if whole periods have
 * passed by `now`.
 */
static void pit_owe(struct pit_state *state, u64 now)
{
	u64 missed = pit_is_kept(&state->channel[0])
			     ? (now - state->edge_tick) / state->channel[0].count
			     : 0;

	state->owed = (u32)MIN(state->owed + missed, OWED_MAX);
}

static void pit_forgive(struct pit_state *state)
{
	state->owed = 0;
	state->repay_tick = DEADLINE_NONE;
	state->held = false;
}

static void pit_tick(struct device *device)
{
	struct pit *pit = CONTAINER_OF(device, struct pit, device);
	struct pit_state *state = &pit->state;
	u64 now = pit_now(pit);
	bool out;

	for (u32 i = 0; i < PIT_CHANNEL_COUNT; i++)
		pit_channel_advance(&state->channel[i], now);

	if (now >= state->edge_tick) {
		pit_owe(state, now);
		pit_beat(pit, now);
	} else if (now >= state->repay_tick) {
		state->owed--;
		pit_beat(pit, now);
	} else {
		out = pit_channel_out(&state->channel[0], now);
		state->held &= !out;
		irqchip_set_line(device->irqchip, PIT_IRQ, out || state->held);
	}
	state->edge_tick = pit_channel_next_edge(&state->channel[0], now);
	device_set_deadline(device, pit_deadline(pit));
}

static void pit_write_control(struct pit *pit, u8 value, u64 now)
{
	u32 channel = value >> PIT_CONTROL_CHANNEL_SHIFT;

	if (channel < PIT_CHANNEL_COUNT) {
		if ((value & PIT_CONTROL_ACCESS) == PIT_CONTROL_LATCH) {
			pit_channel_latch_count(&pit->state.channel[channel], now);
			return;
		}
		pit_channel_control(&pit->state.channel[channel], value, now);
		if (channel == 0)
			pit_forgive(&pit->state);
		return;
	}
	for (u32 i = 0; i < PIT_CHANNEL_COUNT; i++) {
		if (!(value >> (i + 1) & 1))
			continue;
		if (!(value & PIT_READ_BACK_NO_COUNT))
			pit_channel_latch_count(&pit->state.channel[i], now);
		if (!(value & PIT_READ_BACK_NO_STATUS))
			pit_channel_latch_status(&pit->state.channel[i], now);
	}
}

static void pit_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct pit *pit = CONTAINER_OF(device, struct pit, device);
	u64 now = pit_now(pit);

	(void)size;
	pit_tick(device);
	if (region == PIT_REGION_GATE) {
		pit->state.speaker = (u8)value & 0x0e;
		pit_channel_gate(&pit->state.channel[2], value & PIT_GATE_2, now);
		return;
	}
	if (offset == PIT_CONTROL_PORT - PIT_PORT)
		pit_write_control(pit, (u8)value, now);
	else
		pit_channel_write(&pit->state.channel[offset], (u8)value, now);
	pit_tick(device);
}

static u64 pit_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct pit *pit = CONTAINER_OF(device, struct pit, device);
	struct pit_channel *speaker = &pit->state.channel[2];
	u64 now = pit_now(pit);

	(void)size;
	pit_tick(device);
	if (region == PIT_REGION_GATE)
		return pit->state.speaker | (speaker->gate ? PIT_GATE_2 : 0u) |
		       (now / REFRESH_CLOCKS % 2 ? PIT_GATE_REFRESH : 0u) |
		       (pit_channel_out(speaker, now) ? PIT_GATE_OUT_2 : 0u);
	if (offset == PIT_CONTROL_PORT - PIT_PORT)
		/* a read of the control port reads nothing (8254 data sheet, read/write logic) */
		return 0xff;
	return pit_channel_read(&pit->state.channel[offset], now);
}

static void pit_reset(struct device *device)
{
	struct pit_state *state = device->state;

	/*
	 * A channel is undefined until it is programmed: here it is quiet, without a count. Channel
	 * 0's output is high, as a PC's firmware leaves it: no edge when mode 2 or 3 is set, which
	 * would be a beat at once.
	 */
	*state = (struct pit_state){.edge_tick = DEADLINE_NONE, .repay_tick = DEADLINE_NONE};
	for (u32 i = 0; i < PIT_CHANNEL_COUNT; i++) {
		state->channel[i].control = PIT_CONTROL_LOW_HIGH;
		state->channel[i].access = 3;
		state->channel[i].count = 0x10000;
		state->channel[i].gate = i != 2;
	}
	state->channel[0].mode = PIT_MODE_RATE;
	irqchip_set_line(device->irqchip, PIT_IRQ, true);
}

static bool pit_valid(const void *bytes)
{
	const struct pit_state *state = bytes;

	for (u32 i = 0; i < PIT_CHANNEL_COUNT; i++)
		if (!pit_channel_valid(&state->channel[i]))
			return false;
	return !(state->speaker & ~0x0eu) && state->held <= 1 && state->owed <= OWED_MAX &&
	       (state->owed == 0) == (state->repay_tick == DEADLINE_NONE);
}

static const struct device_region pit_regions[] = {
	[PIT_REGION_COUNTERS] = {DEVICE_PORTS, PIT_PORT, 4},
	[PIT_REGION_GATE] = {DEVICE_PORTS, PIT_GATE_PORT, 1},
};

static const struct device_ops pit_ops = {
	.widest = 1,
	.read = pit_read,
	.write = pit_write,
	.reset = pit_reset,
	.tick = pit_tick,
	.valid = pit_valid,
};

enum status pit_attach(struct platform *platform, const struct platform_config *config)
{
	struct pit *pit = platform_take(platform, sizeof(*pit));

	(void)config;
	if (pit == NULL)
		return STATUS_NO_MEMORY;
	pit->device = (struct device){
		.name = "pit",
		.ops = &pit_ops,
		.regions = pit_regions,
		.region_count = ARRAY_COUNT(pit_regions),
		.state = &pit->state,
		.state_bytes = sizeof(pit->state),
		.kind = STATE_PIT,
		.version = 2,
	};
	return platform_add(platform, &pit->device);
}
