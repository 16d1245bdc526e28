/* SPDX-License-Identifier: MIT */
/*
 * One counter of the 8254, computed from the clocks since it was loaded. Called by pit.c; changes
 * that counter only and has no time of its own.
 */
#include "vmm/monitor/dev/pit_channel.h"
#include "lib/bits.h"

/* The bits of the control word that the status byte of a read-back repeats. */
#define CONTROL_KEPT (PIT_CONTROL_ACCESS | PIT_CONTROL_MODE | PIT_CONTROL_BCD)
/*
 * The most clocks of a valid time, more than a VM ever runs: sums of times stay far below the end
 * of 64 bits.
 */
#define TICK_MAX BIT(54)

/*
 * Returns the clocks counted since `count` was loaded; loading takes one clock (8254, figure 15).
 */
static u64 pit_channel_elapsed(const struct pit_channel *channel, u64 now)
{
	if (!channel->running || now <= channel->run_tick)
		return channel->elapsed;
	return channel->elapsed + (now - channel->run_tick);
}

bool pit_channel_periodic(const struct pit_channel *channel)
{
	return channel->mode == PIT_MODE_RATE || channel->mode == PIT_MODE_SQUARE_WAVE;
}

static bool pit_channel_triggered_by_gate(const struct pit_channel *channel)
{
	return channel->mode == PIT_MODE_ONE_SHOT || channel->mode == PIT_MODE_HARDWARE_STROBE;
}

/* Loads a count at clock `now`; the first decrement comes one clock later. */
static void pit_channel_load(struct pit_channel *channel, u32 count, u64 now)
{
	channel->count = count;
	channel->next_count = 0;
	channel->elapsed = 0;
	channel->run_tick = now + 1;
	channel->loaded = 1;
	channel->running = 1;
}

static u32 pit_channel_high_half(u32 count)
{
	return (count + 1) / 2;
}

/* Keeps `elapsed` inside the present period, and takes a new count over at the period's end. */
void pit_channel_advance(struct pit_channel *channel, u64 now)
{
	u64 done = pit_channel_elapsed(channel, now);
	u64 half = pit_channel_high_half(channel->count);

	if (!channel->loaded || !pit_channel_periodic(channel))
		return;
	/* Mode 3 takes the new count over at the end of either half period. */
	if (channel->next_count && channel->mode == PIT_MODE_SQUARE_WAVE && channel->running &&
	    channel->elapsed < half && done >= half) {
		u64 past = done - half;

		pit_channel_load(channel, channel->next_count, now);
		channel->elapsed = pit_channel_high_half(channel->count) + past;
		channel->run_tick = now;
		done = channel->elapsed;
	}
	if (done < channel->count)
		goto settle;
	if (channel->next_count) {
		done -= channel->count;
		channel->count = channel->next_count;
		channel->next_count = 0;
	}
	done %= channel->count;
settle:
	if (channel->running && now >= channel->run_tick) {
		channel->elapsed = done;
		channel->run_tick = now;
	}
}

bool pit_channel_out(const struct pit_channel *channel, u64 now)
{
	u64 done = pit_channel_elapsed(channel, now);

	switch (channel->mode) {
	case PIT_MODE_TERMINAL_COUNT:
		return channel->loaded && done >= channel->count;
	case PIT_MODE_ONE_SHOT:
		return !channel->loaded || done >= channel->count;
	case PIT_MODE_RATE:
		return !channel->running || done % channel->count != channel->count - 1;
	case PIT_MODE_SQUARE_WAVE:
		return !channel->running ||
		       done % channel->count < pit_channel_high_half(channel->count);
	default:
		return !channel->loaded || done != channel->count;
	}
}

u64 pit_channel_next_edge(const struct pit_channel *channel, u64 now)
{
	u64 done = pit_channel_elapsed(channel, now);
	u64 start = MAX(now, channel->run_tick);
	u64 half = pit_channel_high_half(channel->count);
	u64 rise;

	if (!channel->loaded || !channel->running)
		return DEADLINE_NONE;
	switch (channel->mode) {
	case PIT_MODE_TERMINAL_COUNT:
	case PIT_MODE_ONE_SHOT:
		rise = channel->count;
		break;
	case PIT_MODE_SQUARE_WAVE:
		/* the low half of the period already has the new count */
		if (channel->next_count && done < half)
			return start + half - done + channel->next_count / 2;
		return start + channel->count - done % channel->count;
	case PIT_MODE_RATE:
		return start + channel->count - done % channel->count;
	default:
		rise = channel->count + 1ull;
		break;
	}
	return done < rise ? start + rise - done : DEADLINE_NONE;
}

/* Returns the value that the counter has counted down to, as the guest reads it. */
static u16 pit_channel_current_count(const struct pit_channel *channel, u64 now)
{
	u64 done = pit_channel_elapsed(channel, now);
	u32 modulus = channel->bcd ? 10000 : 0x10000;
	u32 half = pit_channel_high_half(channel->count);
	u32 value;

	if (channel->mode == PIT_MODE_SQUARE_WAVE) {
		/* Mode 3 counts down by twos, in each half period from the count (made even). */
		done %= channel->count;
		if (done >= half)
			done -= half;
		value = (channel->count & ~1u) - 2 * (u32)done;
	} else {
		value = (channel->count + modulus - (u32)(done % modulus)) % modulus;
	}
	value %= modulus;
	if (channel->bcd)
		value = value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 |
			value / 1000 << 12;
	return (u16)value;
}

void pit_channel_control(struct pit_channel *channel, u8 value, u64 now)
{
	u8 mode = (value & PIT_CONTROL_MODE) >> PIT_CONTROL_MODE_SHIFT;

	channel->control = value & CONTROL_KEPT;
	channel->mode = mode > PIT_MODE_HARDWARE_STROBE ? mode & 3 : mode;
	channel->access = (value & PIT_CONTROL_ACCESS) >> 4;
	channel->bcd = value & PIT_CONTROL_BCD;
	channel->loaded = 0;
	channel->running = 0;
	channel->elapsed = 0;
	channel->run_tick = now;
	channel->next_count = 0;
	channel->write_high = 0;
	channel->read_high = 0;
	channel->latched = 0;
	channel->status_latched = 0;
}

static void pit_channel_new_count(struct pit_channel *channel, u16 value, u64 now)
{
	u32 modulus = channel->bcd ? 10000 : 0x10000;
	u32 count = value;

	if (channel->bcd)
		count = (count & 0xf) + (count >> 4 & 0xf) * 10 + (count >> 8 & 0xf) * 100 +
			(count >> 12) * 1000;
	if (count == 0 || count > modulus)
		count = modulus;

	if (pit_channel_triggered_by_gate(channel) ||
	    (pit_channel_periodic(channel) && channel->loaded)) {
		channel->next_count = count;
		return;
	}
	pit_channel_load(channel, count, now);
	channel->running = channel->gate;
}

void pit_channel_write(struct pit_channel *channel, u8 value, u64 now)
{
	switch (channel->access) {
	case 1:
		pit_channel_new_count(channel, value, now);
		break;
	case 2:
		pit_channel_new_count(channel, (u16)(value << 8), now);
		break;
	default:
		if (channel->write_high) {
			pit_channel_new_count(channel, (u16)(value << 8 | channel->write_low), now);
		} else {
			channel->write_low = value;
			/*
			 * In mode 0 the first byte of a new count stops the counting, and OUT goes
			 * low.
			 */
			if (channel->mode == PIT_MODE_TERMINAL_COUNT) {
				channel->elapsed = pit_channel_elapsed(channel, now);
				channel->loaded = 0;
				channel->running = 0;
			}
		}
		channel->write_high = !channel->write_high;
		break;
	}
}

u8 pit_channel_read(struct pit_channel *channel, u64 now)
{
	u16 value = channel->latched ? channel->latch : pit_channel_current_count(channel, now);
	bool high = channel->access == 2 || (channel->access == 3 && channel->read_high);

	if (channel->status_latched) {
		channel->status_latched = 0;
		return channel->status;
	}
	if (channel->access == 3)
		channel->read_high = !channel->read_high;
	if (channel->latched)
		channel->latched--;
	return (u8)(high ? value >> 8 : value);
}

void pit_channel_latch_count(struct pit_channel *channel, u64 now)
{
	if (channel->latched)
		return;
	channel->latch = pit_channel_current_count(channel, now);
	channel->latched = channel->access == 3 ? 2 : 1;
}

void pit_channel_latch_status(struct pit_channel *channel, u64 now)
{
	bool null_count = !channel->loaded || channel->next_count || now < channel->run_tick;

	if (channel->status_latched)
		return;
	channel->status = (u8)((pit_channel_out(channel, now) ? PIT_STATUS_OUT : 0) |
			       (null_count ? PIT_STATUS_NULL_COUNT : 0) | channel->control);
	channel->status_latched = 1;
}

void pit_channel_gate(struct pit_channel *channel, bool gate, u64 now)
{
	bool rising = gate && !channel->gate;

	if (gate == channel->gate)
		return;
	channel->gate = gate;
	if (pit_channel_triggered_by_gate(channel)) {
		/*
		 * In modes 1 and 5 each rising edge of the gate starts the newest count; a low gate
		 * does nothing.
		 */
		if (rising && (channel->loaded || channel->next_count))
			pit_channel_load(channel,
					 channel->next_count ? channel->next_count : channel->count,
					 now);
		return;
	}
	if (!channel->loaded)
		return;
	if (rising && pit_channel_periodic(channel)) {
		pit_channel_load(channel,
				 channel->next_count ? channel->next_count : channel->count, now);
		return;
	}
	channel->elapsed = pit_channel_elapsed(channel, now);
	channel->run_tick = now;
	channel->running = gate;
}

bool pit_channel_valid(const struct pit_channel *channel)
{
	return channel->run_tick <= TICK_MAX && channel->elapsed <= TICK_MAX &&
	       channel->count >= 1 && channel->count <= 0x10000 && channel->next_count <= 0x10000 &&
	       channel->control <= CONTROL_KEPT && channel->mode <= PIT_MODE_HARDWARE_STROBE &&
	       channel->access >= 1 && channel->access <= 3 && channel->bcd <= 1 &&
	       channel->gate <= 1 && channel->loaded <= 1 && channel->running <= 1 &&
	       channel->write_high <= 1 && channel->read_high <= 1 && channel->latched <= 2 &&
	       channel->status_latched <= 1;
}
