/* SPDX-License-Identifier: MIT */
/*
 * A high precision event timer (IA-PC HPET 1.0a) with a counter and three timers. Attached by
 * platform.c when configured; owns its registers, and raises interrupt lines, which it may take
 * over from PIT and RTC.
 */
#include "vmm/monitor/dev/hpet.h"

#include "lib/bits.h"
#include "vmm/hw/pit.h"
#include "vmm/monitor/dev/mc146818.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/irqchip/irqchip.h"

#define FS_PER_COUNT (HPET_NS_PER_COUNT * 1000000ull)
/*
 * The pins of the I/O APIC, a bit each, to which a timer can be routed: the PIT's, the RTC's, and
 * those that no other device has.
 */
#define ROUTES	0x00ff0104u
#define NO_LINE (~0u)
#define WRITABLE                                                                                   \
	(HPET_TIMER_LEVEL | HPET_TIMER_ENABLE | HPET_TIMER_PERIODIC | HPET_TIMER_SET_VALUE |       \
	 HPET_TIMER_32_MODE | HPET_TIMER_ROUTE)
/*
 * A comparator that is set to at most this many counts behind the counter, because exits take time,
 * fires at once.
 */
#define LATE_COUNTS (NS_PER_MS / HPET_NS_PER_COUNT)

static u64 hpet_guest_counts(const struct hpet *hpet)
{
	return device_now_ns(&hpet->device) / HPET_NS_PER_COUNT;
}

static u64 hpet_counter(const struct hpet *hpet)
{
	const struct hpet_state *state = &hpet->state;

	return state->base + (state->config & HPET_ENABLE ? hpet_guest_counts(hpet) : 0);
}

static void hpet_set_counter(struct hpet *hpet, u64 counter)
{
	hpet->state.base =
		counter - (hpet->state.config & HPET_ENABLE ? hpet_guest_counts(hpet) : 0);
	hpet->state.seen = counter;
}

static u64 hpet_timer_mask(const struct hpet_timer *timer)
{
	return timer->config & HPET_TIMER_32_MODE ? 0xffffffffull : ~0ull;
}

/* Returns the counts from `counter` until the comparator matches; 0 means 2^64. */
static u64 hpet_timer_distance(const struct hpet_timer *timer, u64 counter)
{
	return ((timer->comparator - counter - 1) & hpet_timer_mask(timer)) + 1;
}

static bool hpet_is_periodic(const struct hpet_timer *timer)
{
	return timer->config & HPET_TIMER_PERIODIC && timer->period != 0;
}

/* Returns the interrupt line to which timer `number` is routed, or NO_LINE. */
static u32 hpet_timer_line(const struct hpet_state *state, u32 number)
{
	u32 route = (state->timer[number].config & HPET_TIMER_ROUTE) >> HPET_TIMER_ROUTE_SHIFT;

	if (state->config & HPET_LEGACY && number < 2)
		return number == 0 ? PIT_IRQ : RTC_IRQ;
	if (!(state->timer[number].config & HPET_TIMER_ENABLE) || !(ROUTES >> route & 1))
		return NO_LINE;
	return route == IRQCHIP_PIT_PIN ? PIT_IRQ : route;
}

/*
 * Returns whether the timer asserts a level-triggered line. Status bits are set and kept whether or
 * not the timer may cause interrupts (IA-PC HPET 1.0a, 2.3.5, 2.3.8).
 */
static bool hpet_is_asserted(const struct hpet_state *state, u32 number)
{
	return (state->status >> number & 1) && state->config & HPET_ENABLE &&
	       state->timer[number].config & HPET_TIMER_ENABLE;
}

/*
 * Takes over, from PIT and RTC, the interrupt lines to which the timers are routed; level-triggered
 * lines follow the status bits.
 */
static void hpet_set_lines(struct hpet *hpet)
{
	const struct hpet_state *state = &hpet->state;
	struct irqchip *irqchip = hpet->device.irqchip;
	u32 taken = 0;
	u32 level = 0;
	u32 asserted = 0;

	for (u32 i = 0; i < HPET_TIMER_COUNT; i++) {
		u32 line = hpet_timer_line(state, i);

		if (line == NO_LINE)
			continue;
		taken |= 1u << line;
		if (state->timer[i].config & HPET_TIMER_LEVEL)
			level |= 1u << line;
		if (hpet_is_asserted(state, i))
			asserted |= 1u << line;
	}
	irqchip_take_lines(irqchip, taken);
	for (; level != 0; level &= level - 1) {
		u32 line = bit_lowest(level);

		irqchip_set_taken_line(irqchip, line, asserted >> line & 1);
	}
}

static void hpet_timer_fire(struct hpet *hpet, u32 number)
{
	const struct hpet_timer *timer = &hpet->state.timer[number];
	u32 line = hpet_timer_line(&hpet->state, number);

	if (timer->config & HPET_TIMER_LEVEL)
		hpet->state.status |= 1u << number;
	if (!(timer->config & HPET_TIMER_ENABLE) || line == NO_LINE)
		return;
	if (!(timer->config & HPET_TIMER_LEVEL)) /* an edge is made even if the line is high */
		irqchip_set_taken_line(hpet->device.irqchip, line, false);
	irqchip_set_taken_line(hpet->device.irqchip, line, true);
}

/*
 * Moves a timer from count `from` to count `to`. Fires it at most once, however often the
 * comparator has matched.
 */
static void hpet_timer_advance(struct hpet *hpet, u32 number, u64 from, u64 to)
{
	struct hpet_timer *timer = &hpet->state.timer[number];
	u64 distance = hpet_timer_distance(timer, from);

	if (distance == 0 || distance > to - from)
		return;
	if (hpet_is_periodic(timer)) {
		u64 missed = (to - from - distance) / timer->period;

		timer->comparator += (missed + 1) * timer->period;
		timer->comparator &= hpet_timer_mask(timer);
	}
	hpet_timer_fire(hpet, number);
}

/* Returns the guest time of the next match of the timer's comparator, or DEADLINE_NONE. */
static u64 hpet_timer_deadline(const struct hpet *hpet, const struct hpet_timer *timer)
{
	u64 distance = hpet_timer_distance(timer, hpet->state.seen);

	if (hpet_is_periodic(timer) && timer->period < HPET_PERIOD_MIN)
		distance = MAX(distance, HPET_PERIOD_MIN);
	if (!(timer->config & HPET_TIMER_ENABLE) || distance == 0 ||
	    distance > DEADLINE_NONE / HPET_NS_PER_COUNT - hpet_guest_counts(hpet))
		return DEADLINE_NONE;
	return (hpet_guest_counts(hpet) + distance) * HPET_NS_PER_COUNT;
}

static void hpet_tick(struct device *device)
{
	struct hpet *hpet = CONTAINER_OF(device, struct hpet, device);
	struct hpet_state *state = &hpet->state;
	u64 now = hpet_counter(hpet);
	u64 deadline_ns = DEADLINE_NONE;

	hpet_set_lines(hpet);
	if (!(state->config & HPET_ENABLE)) {
		device_set_deadline(device, DEADLINE_NONE);
		return;
	}
	for (u32 i = 0; i < HPET_TIMER_COUNT; i++)
		hpet_timer_advance(hpet, i, state->seen, now);
	state->seen = now;
	for (u32 i = 0; i < HPET_TIMER_COUNT; i++)
		deadline_ns = MIN(deadline_ns, hpet_timer_deadline(hpet, &state->timer[i]));
	device_set_deadline(device, deadline_ns);
}

static u64 hpet_timer_read(const struct hpet_timer *timer, u32 offset)
{
	switch (offset) {
	case HPET_TIMER_CONFIGURATION:
		return (u64)ROUTES << HPET_TIMER_ROUTES_SHIFT | HPET_TIMER_PERIODIC_CAPABLE |
		       HPET_TIMER_64 | (timer->config & ~(u32)HPET_TIMER_SET_VALUE);
	case HPET_TIMER_COMPARATOR:
		return timer->comparator;
	default:
		return 0;
	}
}

/* Reads the whole 64-bit register at the offset, a multiple of 8. */
static u64 hpet_register_read(const struct hpet *hpet, u32 offset)
{
	const struct hpet_state *state = &hpet->state;
	u32 number = (offset - HPET_TIMERS) / HPET_TIMER_BYTES;

	switch (offset) {
	case HPET_CAPABILITIES:
		return FS_PER_COUNT << HPET_PERIOD_SHIFT | HPET_ID;
	case HPET_CONFIGURATION:
		return state->config;
	case HPET_STATUS:
		return state->status;
	case HPET_COUNTER:
		return hpet_counter(hpet);
	default:
		if (offset < HPET_TIMERS || number >= HPET_TIMER_COUNT)
			return 0;
		return hpet_timer_read(&state->timer[number], offset % HPET_TIMER_BYTES);
	}
}

/*
 * Withdraws a timer's level-triggered request before its configuration changes, as only the old
 * configuration names its interrupt line.
 */
static void hpet_timer_withdraw(struct hpet *hpet, u32 number, bool keep_status)
{
	u32 status = hpet->state.status;

	hpet->state.status &= ~(1u << number);
	hpet_set_lines(hpet);
	if (keep_status)
		hpet->state.status = status;
}

static void hpet_timer_configure(struct hpet *hpet, u32 number, u32 value)
{
	struct hpet_timer *timer = &hpet->state.timer[number];
	u32 route = (value & HPET_TIMER_ROUTE) >> HPET_TIMER_ROUTE_SHIFT;

	/* a pin the timer cannot use is refused: the guest reads back to see (HPET 1.0a, 2.3.8) */
	if (!(ROUTES >> route & 1))
		value = (value & ~(u32)HPET_TIMER_ROUTE) | (timer->config & HPET_TIMER_ROUTE);
	if (!(value & HPET_TIMER_ENABLE) || !(value & HPET_TIMER_LEVEL))
		hpet_timer_withdraw(hpet, number, value & HPET_TIMER_LEVEL);
	timer->config = value & WRITABLE;
	timer->comparator &= hpet_timer_mask(timer);
	timer->period &= hpet_timer_mask(timer);
}

/* Sets a timer's comparator from `value`, of which the guest has written the bits in `written`. */
static void hpet_timer_compare(struct hpet *hpet, u32 number, u64 value, u64 written)
{
	const struct hpet_state *state = &hpet->state;
	struct hpet_timer *timer = &hpet->state.timer[number];
	u64 mask = hpet_timer_mask(timer);
	u64 behind;

	written &= mask;
	if (timer->config & HPET_TIMER_PERIODIC)
		timer->period = (timer->period & ~written) | (value & written);
	if (!(timer->config & HPET_TIMER_PERIODIC) || timer->config & HPET_TIMER_SET_VALUE)
		timer->comparator = (timer->comparator & ~written) | (value & written);
	timer->config &= ~(u32)HPET_TIMER_SET_VALUE;

	behind = (state->seen - timer->comparator) & mask;
	if (!(timer->config & HPET_TIMER_PERIODIC) && state->config & HPET_ENABLE &&
	    behind <= LATE_COUNTS)
		hpet_timer_advance(hpet, number, state->seen - behind - 1, state->seen);
}

/* Sets the HPET's general configuration; the counter continues from its present value. */
static void hpet_configure(struct hpet *hpet, u32 value)
{
	u64 counter = hpet_counter(hpet);

	hpet->state.config = value & (HPET_ENABLE | HPET_LEGACY);
	hpet_set_counter(hpet, counter);
}

static void hpet_timer_write(struct hpet *hpet, u32 number, u32 offset, u64 value, u64 written)
{
	if (offset == HPET_TIMER_CONFIGURATION && (u32)written != 0)
		hpet_timer_configure(hpet, number, (u32)value);
	else if (offset == HPET_TIMER_COMPARATOR)
		hpet_timer_compare(hpet, number, value, written);
}

/*
 * Writes the bits in `written` of the 64-bit register at the offset, a multiple of 8; the other
 * bits of `value` are 0.
 */
static void hpet_register_write(struct hpet *hpet, u32 offset, u64 value, u64 written)
{
	u32 number = (offset - HPET_TIMERS) / HPET_TIMER_BYTES;

	switch (offset) {
	case HPET_CONFIGURATION:
		if ((u32)written != 0)
			hpet_configure(hpet, (u32)value);
		break;
	case HPET_STATUS:
		hpet->state.status &= ~(u32)value;
		break;
	case HPET_COUNTER:
		hpet_set_counter(hpet, (hpet_counter(hpet) & ~written) | value);
		break;
	default:
		if (offset >= HPET_TIMERS && number < HPET_TIMER_COUNT)
			hpet_timer_write(hpet, number, offset % HPET_TIMER_BYTES, value, written);
	}
}

/*
 * Returns whether the manual defines the access: aligned accesses to halves and whole registers
 * only (IA-PC HPET 1.0a, 2.1); others do nothing.
 */
static bool hpet_is_defined(u64 offset, u32 size)
{
	return size >= 4 && offset % size == 0;
}

static u64 hpet_read(struct device *device, u32 region, u64 at, u32 size)
{
	struct hpet *hpet = CONTAINER_OF(device, struct hpet, device);
	u32 offset = (u32)at;
	u64 value;

	(void)region;
	if (!hpet_is_defined(offset, size))
		return 0;
	if (align_down(offset, 8) != HPET_COUNTER)
		hpet_tick(device);
	value = hpet_register_read(hpet, (u32)align_down(offset, 8));
	return size == 8 ? value : (u32)(value >> offset % 8 * 8);
}

static void hpet_write(struct device *device, u32 region, u64 at, u32 size, u64 value)
{
	struct hpet *hpet = CONTAINER_OF(device, struct hpet, device);
	u32 offset = (u32)at;
	u32 shift = offset % 8 * 8;

	(void)region;
	if (!hpet_is_defined(offset, size))
		return;
	hpet_tick(device);
	hpet_register_write(hpet, (u32)align_down(offset, 8), value << shift,
			    (size == 8 ? ~0ull : 0xffffffffull) << shift);
	hpet_tick(device);
}

static void hpet_reset(struct device *device)
{
	struct hpet *hpet = CONTAINER_OF(device, struct hpet, device);

	hpet->state = (struct hpet_state){0};
	for (u32 i = 0; i < HPET_TIMER_COUNT; i++)
		hpet->state.timer[i].comparator = ~0ull;
	hpet_set_lines(hpet);
}

static bool hpet_timer_valid(const struct hpet_timer *timer)
{
	u64 mask = hpet_timer_mask(timer);

	return !(timer->config & ~(u32)WRITABLE) && !(timer->comparator & ~mask) &&
	       !(timer->period & ~mask);
}

static bool hpet_valid(const void *bytes)
{
	const struct hpet_state *state = bytes;

	for (u32 i = 0; i < HPET_TIMER_COUNT; i++)
		if (!hpet_timer_valid(&state->timer[i]))
			return false;
	return !(state->config & ~(u32)(HPET_ENABLE | HPET_LEGACY)) &&
	       state->status < 1u << HPET_TIMER_COUNT;
}

static const struct device_region hpet_regions[] = {
	{DEVICE_MEMORY, HPET_DEFAULT_ADDRESS, HPET_BYTES},
};

static const struct device_ops hpet_ops = {
	.widest = 8,
	.read = hpet_read,
	.write = hpet_write,
	.reset = hpet_reset,
	.tick = hpet_tick,
	.valid = hpet_valid,
};

enum status hpet_attach(struct platform *platform, const struct platform_config *config)
{
	struct hpet *hpet;

	if (!config->hpet)
		return STATUS_OK;
	hpet = platform_take(platform, sizeof(*hpet));
	if (hpet == NULL)
		return STATUS_NO_MEMORY;
	hpet->device = (struct device){
		.name = "hpet",
		.ops = &hpet_ops,
		.regions = hpet_regions,
		.region_count = ARRAY_COUNT(hpet_regions),
		.state = &hpet->state,
		.state_bytes = sizeof(hpet->state),
		.kind = STATE_HPET,
		.version = 1,
	};
	return platform_add(platform, &hpet->device);
}
