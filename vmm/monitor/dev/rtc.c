/* SPDX-License-Identifier: MIT */
/*
 * The MC146818 clock and the CMOS bytes of a PC. Attached by platform.c; owns date, alarm and
 * bytes, raises interrupt line 8, and wakes a sleeping guest by acpi_pm.c.
 */
#include "vmm/monitor/dev/rtc.h"
#include "lib/checked.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/rt/date.h"
#include "vmm/monitor/irqchip/irqchip.h"

/* MC146818A: UIP rises 244 us before an update cycle, which takes 1984 us. */
#define UPDATE_NS      ((244 + 1984) * NS_PER_US)
#define CRYSTAL_HZ     32768u
#define OFFSET_LIMIT_S (1ll << 40)

static u64 rtc_now(const struct rtc *rtc)
{
	return device_wall_ns(&rtc->device) + rtc->state.phase_ns;
}

static bool rtc_divider_held(const struct rtc_state *state)
{
	return (state->byte[RTC_A] & RTC_A_DIVIDER_RESET) == RTC_A_DIVIDER_RESET;
}

/*
 * Returns whether the guest has stopped the date, which later continues from the values in the
 * registers.
 */
static bool rtc_frozen(const struct rtc_state *state)
{
	return state->byte[RTC_B] & RTC_B_SET || rtc_divider_held(state);
}

static u8 rtc_encode(const struct rtc_state *state, u32 value)
{
	return (u8)(state->byte[RTC_B] & RTC_B_BINARY ? value : value / 10 << 4 | value % 10);
}

static u32 rtc_decode(const struct rtc_state *state, u8 value)
{
	return state->byte[RTC_B] & RTC_B_BINARY ? value : (value >> 4) * 10u + (value & 0xf);
}

static u8 rtc_encode_hour(const struct rtc_state *state, u32 hour)
{
	if (state->byte[RTC_B] & RTC_B_24H)
		return rtc_encode(state, hour);
	return (u8)(rtc_encode(state, (hour + 11) % 12 + 1) | (hour >= 12 ? RTC_HOURS_PM : 0));
}

static u32 rtc_decode_hour(const struct rtc_state *state, u8 value)
{
	if (state->byte[RTC_B] & RTC_B_24H)
		return rtc_decode(state, value);
	return rtc_decode(state, value & 0x7f) % 12 + (value & RTC_HOURS_PM ? 12 : 0);
}

static void rtc_refresh_registers(struct rtc *rtc)
{
	struct rtc_state *state = &rtc->state;
	struct date time;

	if (rtc_frozen(state))
		return;
	time = date_from_seconds((s64)(rtc_now(rtc) / NS_PER_S) + state->offset_s);
	state->byte[RTC_SECONDS] = rtc_encode(state, time.second);
	state->byte[RTC_MINUTES] = rtc_encode(state, time.minute);
	state->byte[RTC_HOURS] = rtc_encode_hour(state, time.hour);
	state->byte[RTC_WEEKDAY] = rtc_encode(state, time.weekday);
	state->byte[RTC_DAY] = rtc_encode(state, time.day);
	state->byte[RTC_MONTH] = rtc_encode(state, time.month);
	state->byte[RTC_YEAR] = rtc_encode(state, time.year % 100);
	state->byte[RTC_CENTURY] = rtc_encode(state, time.year / 100);
}

static void rtc_take_registers(struct rtc *rtc)
{
	struct rtc_state *state = &rtc->state;
	struct date time = {
		.year = rtc_decode(state, state->byte[RTC_CENTURY]) * 100 +
			rtc_decode(state, state->byte[RTC_YEAR]),
		.month = rtc_decode(state, state->byte[RTC_MONTH]),
		.day = rtc_decode(state, state->byte[RTC_DAY]),
		.hour = rtc_decode_hour(state, state->byte[RTC_HOURS]),
		.minute = rtc_decode(state, state->byte[RTC_MINUTES]),
		.second = rtc_decode(state, state->byte[RTC_SECONDS]),
	};

	state->offset_s = date_to_seconds(&time) - (s64)(rtc_now(rtc) / NS_PER_S);
}

#define ALARM_ANY (~0u)

/* Returns the value for which the alarm byte in register `reg` waits, or ALARM_ANY. */
static u32 rtc_alarm_value(const struct rtc_state *state, u8 reg)
{
	u8 byte = state->byte[reg];

	if ((byte & RTC_ALARM_ANY) == RTC_ALARM_ANY)
		return ALARM_ANY;
	return reg == RTC_HOURS_ALARM ? rtc_decode_hour(state, byte) : rtc_decode(state, byte);
}

/* Returns how many steps lead from number `from` of a dial with `numbers` numbers to `wanted`. */
static u32 rtc_ahead(u32 from, u32 wanted, u32 numbers)
{
	return (wanted + numbers - from) % numbers;
}

/*
 * Returns the first second after `seconds` at which the alarm fires, at most a day later; -1:
 * never. Turns one hand after the other to its wanted position, the hour's first, until all are
 * right: a hand that passes 0 moves the next larger one, too.
 */
static s64 rtc_next_alarm(const struct rtc_state *state, s64 seconds)
{
	u32 hour = rtc_alarm_value(state, RTC_HOURS_ALARM);
	u32 minute = rtc_alarm_value(state, RTC_MINUTES_ALARM);
	u32 second = rtc_alarm_value(state, RTC_SECONDS_ALARM);
	s64 at = seconds + 1;

	if ((hour != ALARM_ANY && hour > 23) || (minute != ALARM_ANY && minute > 59) ||
	    (second != ALARM_ANY && second > 59))
		return -1;
	for (;;) {
		struct date time = date_from_seconds(at);

		if (hour != ALARM_ANY && hour != time.hour)
			at += rtc_ahead(time.hour, hour, 24) * 3600 - time.minute * 60 -
			      time.second;
		else if (minute != ALARM_ANY && minute != time.minute)
			at += rtc_ahead(time.minute, minute, 60) * 60 - time.second;
		else if (second != ALARM_ANY && second != time.second)
			at += rtc_ahead(time.second, second, 60);
		else
			return at;
	}
}

/*
 * Returns the period of the periodic interrupt in clocks of the 32.768-kHz crystal, 0 for off
 * (MC146818A, table 5).
 */
static u32 rtc_periodic_clocks(const struct rtc_state *state)
{
	u32 rate = state->byte[RTC_A] & RTC_A_RATE;

	if (rate == 0 || rtc_divider_held(state))
		return 0;
	return rate <= 2 ? 1u << (rate + 6) : 1u << (rate - 1);
}

static u64 rtc_period_number(u64 now, u32 clocks)
{
	return mul_div(now, CRYSTAL_HZ, NS_PER_S) / clocks;
}

/* Raises the flags of register C for all that has come due since last_ns. */
static void rtc_raise_flags(struct rtc *rtc, u64 now)
{
	struct rtc_state *state = &rtc->state;
	u32 clocks = rtc_periodic_clocks(state);
	u8 *flags = &state->byte[RTC_C];
	/* the wall clock may have been set back to before last_ns */
	u64 last = MIN(state->last_ns, now);
	s64 from = (s64)(last / NS_PER_S) + state->offset_s;
	s64 to = (s64)(now / NS_PER_S) + state->offset_s;
	s64 alarm;

	state->last_ns = now;
	if (clocks && rtc_period_number(now, clocks) != rtc_period_number(last, clocks))
		*flags |= RTC_C_PF;
	if (from == to || rtc_frozen(state))
		return;
	*flags |= RTC_C_UF;
	alarm = rtc_next_alarm(state, from);
	if (alarm >= 0 && alarm <= to)
		*flags |= RTC_C_AF;
}

/* Returns the wall time (with phase) at which an enabled flag is next raised. */
static u64 rtc_next_flag(const struct rtc *rtc, u64 now)
{
	const struct rtc_state *state = &rtc->state;
	u8 wanted = state->byte[RTC_B] & (u8)~state->byte[RTC_C];
	u32 clocks = rtc_periodic_clocks(state);
	u64 next = DEADLINE_NONE;

	if ((wanted & RTC_B_PIE) && clocks)
		next = mul_div((rtc_period_number(now, clocks) + 1) * clocks, NS_PER_S,
			       CRYSTAL_HZ) +
		       1;
	if (rtc_frozen(state))
		return next;
	if (wanted & RTC_B_UIE)
		next = MIN(next, (now / NS_PER_S + 1) * NS_PER_S);
	if (wanted & RTC_B_AIE) {
		s64 alarm = rtc_next_alarm(state, (s64)(now / NS_PER_S) + state->offset_s);

		if (alarm >= 0)
			next = MIN(next, (u64)(alarm - state->offset_s) * NS_PER_S);
	}
	return next;
}

/*
 * Wakes a sleeping guest if an enabled alarm has come (ACPI 6.4, 4.8.2.4); `before` is the value of
 * register C before its flags were raised.
 */
static void rtc_wake(const struct rtc *rtc, u8 before)
{
	u8 raised = rtc->state.byte[RTC_C] & (u8)~before;

	if ((raised & rtc->state.byte[RTC_B] & RTC_C_AF) != 0)
		acpi_pm_alarm(rtc->platform->acpi_pm);
}

static void rtc_tick(struct device *device)
{
	struct rtc *rtc = CONTAINER_OF(device, struct rtc, device);
	u8 *byte = rtc->state.byte;
	u8 before = byte[RTC_C];
	u64 now = rtc_now(rtc);
	u64 next;

	rtc_raise_flags(rtc, now);
	rtc_wake(rtc, before);
	byte[RTC_C] &= (u8)~RTC_C_IRQF;
	if (byte[RTC_C] & byte[RTC_B] & (RTC_C_PF | RTC_C_AF | RTC_C_UF))
		byte[RTC_C] |= RTC_C_IRQF;
	irqchip_set_line(device->irqchip, RTC_IRQ, byte[RTC_C] & RTC_C_IRQF);

	next = rtc_next_flag(rtc, now);
	device_set_deadline(device, next == DEADLINE_NONE ? DEADLINE_NONE
							  : device_now_ns(device) + (next - now));
}

static void rtc_write_a_or_b(struct rtc *rtc, u8 reg, u8 value)
{
	struct rtc_state *state = &rtc->state;
	bool was_held = rtc_divider_held(state);
	bool was_frozen = rtc_frozen(state);
	u64 phase;

	rtc_refresh_registers(rtc);
	if (reg == RTC_A)
		value &= (u8)~RTC_A_UIP;
	else if (value & RTC_B_SET)
		value &= (u8)~RTC_B_UIE; /* setting SET clears UIE (MC146818A) */
	state->byte[reg] = value;

	/*
	 * The first update of the date comes half a second after the divider's reset ends
	 * (MC146818A).
	 */
	if (was_held && !rtc_divider_held(state)) {
		phase = rtc_now(rtc) % NS_PER_S;
		state->phase_ns = (state->phase_ns + NS_PER_S + NS_PER_S / 2 - phase) % NS_PER_S;
		state->last_ns = rtc_now(rtc);
	}
	if (was_frozen && !rtc_frozen(state))
		rtc_take_registers(rtc);
}

static bool rtc_is_date(u8 reg)
{
	return reg == RTC_SECONDS || reg == RTC_MINUTES || reg == RTC_HOURS ||
	       (reg >= RTC_WEEKDAY && reg <= RTC_YEAR) || reg == RTC_CENTURY;
}

static void rtc_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct rtc *rtc = CONTAINER_OF(device, struct rtc, device);
	struct rtc_state *state = &rtc->state;
	u8 reg = state->index;

	(void)region, (void)size;
	if (offset == 0) {
		state->index = value & (RTC_BYTES - 1);
		return;
	}
	rtc_tick(device);
	if (reg == RTC_A || reg == RTC_B) {
		rtc_write_a_or_b(rtc, reg, (u8)value);
	} else if (rtc_is_date(reg)) {
		rtc_refresh_registers(rtc);
		state->byte[reg] = (u8)value;
		if (!rtc_frozen(state))
			rtc_take_registers(rtc);
	} else if (reg != RTC_C && reg != RTC_D) {
		state->byte[reg] = (u8)value;
	}
	rtc_tick(device);
}

static u64 rtc_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct rtc *rtc = CONTAINER_OF(device, struct rtc, device);
	struct rtc_state *state = &rtc->state;
	u8 value;

	(void)region, (void)size;
	if (offset == 0)
		return 0xff; /* the index port is write-only */
	rtc_tick(device);
	rtc_refresh_registers(rtc);
	value = state->byte[state->index];
	if (state->index == RTC_A && !rtc_frozen(state) &&
	    rtc_now(rtc) % NS_PER_S >= NS_PER_S - UPDATE_NS)
		value |= RTC_A_UIP;
	if (state->index == RTC_C) {
		state->byte[RTC_C] = 0;
		rtc_tick(device);
	}
	return value;
}

static void rtc_put_u16(u8 *byte, u64 value)
{
	value = MIN(value, 0xffffu);
	byte[0] = (u8)value;
	byte[1] = (u8)(value >> 8);
}

/* Fills the CMOS bytes as firmware does for a PC without floppy and disks. */
static void rtc_fill_cmos(const struct rtc *rtc, u8 *byte)
{
	u64 low = rtc->ram_below_4g;
	u64 high = rtc->ram_above_4g / (64 * KIB);
	u32 sum = 0;

	byte[RTC_EQUIPMENT] = 0x02; /* the equipment byte says that there is a coprocessor */
	rtc_put_u16(&byte[RTC_BASE_KIB], 640);
	rtc_put_u16(&byte[RTC_EXTENDED_KIB], low > MIB ? (low - MIB) / KIB : 0);
	rtc_put_u16(&byte[RTC_EXTENDED_KIB_2], low > MIB ? (low - MIB) / KIB : 0);
	rtc_put_u16(&byte[RTC_ABOVE_16M], low > 16 * MIB ? (low - 16 * MIB) / (64 * KIB) : 0);
	byte[RTC_ABOVE_4G] = (u8)high;
	byte[RTC_ABOVE_4G + 1] = (u8)(high >> 8);
	byte[RTC_ABOVE_4G + 2] = (u8)(high >> 16);
	for (u32 i = 0x10; i < RTC_CHECKSUM; i++)
		sum += byte[i];
	byte[RTC_CHECKSUM] = (u8)(sum >> 8);
	byte[RTC_CHECKSUM + 1] = (u8)sum;
}

/*
 * Resets the clock as a guest's reset does: date and CMOS bytes stay, as they have a battery, and
 * the interrupt enables are cleared.
 */
static void rtc_reset(struct device *device)
{
	struct rtc *rtc = CONTAINER_OF(device, struct rtc, device);
	struct rtc_state *state = device->state;

	rtc_write_a_or_b(rtc, RTC_B, state->byte[RTC_B] & (RTC_B_24H | RTC_B_BINARY));
	state->byte[RTC_C] = 0;
	state->index = 0;
	state->last_ns = rtc_now(rtc);
	irqchip_set_line(device->irqchip, RTC_IRQ, false);
}

static bool rtc_valid(const void *bytes)
{
	const struct rtc_state *state = bytes;

	return state->index < RTC_BYTES && state->phase_ns < NS_PER_S &&
	       state->offset_s < OFFSET_LIMIT_S && state->offset_s > -OFFSET_LIMIT_S;
}

static const struct device_region rtc_regions[] = {
	{DEVICE_PORTS, RTC_INDEX_PORT, 2},
};

static const struct device_ops rtc_ops = {
	.widest = 1,
	.read = rtc_read,
	.write = rtc_write,
	.reset = rtc_reset,
	.tick = rtc_tick,
	.valid = rtc_valid,
};

enum status rtc_attach(struct platform *platform, const struct platform_config *config)
{
	struct rtc *rtc = platform_take(platform, sizeof(*rtc));

	if (rtc == NULL)
		return STATUS_NO_MEMORY;
	rtc->platform = platform;
	rtc->ram_below_4g = config->ram_below_4g;
	rtc->ram_above_4g = config->ram_above_4g;
	/* the rate of the periodic interrupt: 1024 Hz */
	rtc->state.byte[RTC_A] = RTC_A_DIVIDER_32KHZ | 6;
	rtc->state.byte[RTC_B] = RTC_B_24H;
	rtc->state.byte[RTC_D] = RTC_D_VALID;
	rtc_fill_cmos(rtc, rtc->state.byte);
	rtc->device = (struct device){
		.name = "rtc",
		.ops = &rtc_ops,
		.regions = rtc_regions,
		.region_count = ARRAY_COUNT(rtc_regions),
		.state = &rtc->state,
		.state_bytes = sizeof(rtc->state),
		.kind = STATE_RTC,
		.version = 1,
	};
	return platform_add(platform, &rtc->device);
}
