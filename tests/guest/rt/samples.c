/* SPDX-License-Identifier: MIT */
/* What guests that measure have in common: waiting without work, samples, what they say. */
#include "tests/guest/rt/devices.h"

#define COM1		0x3f8u
#define LINE_STATUS	(COM1 + 5)
#define LINE_DATA_READY 1u

void wait_for(bool (*good)(void))
{
	interrupts_off();
	while (!good()) {
		interrupts_on_and_halt();
		interrupts_off();
	}
}

static bool gap_over(void)
{
	return lapic_get(LAPIC_TIMER_CURRENT) == 0;
}

void wait_gap_ms(u32 ms)
{
	static u32 per_ms;

	if (per_ms == 0) {
		per_ms = lapic_counts_per_ms();
		trap_set_hook(VECTOR_TIMER, lapic_end_of_interrupt);
		lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER);
	}
	lapic_put(LAPIC_TIMER_INITIAL, ms * per_ms);
	wait_for(gap_over);
}

void say(const char *what, u64 value)
{
	print(what);
	print_hex(value);
	print("\n");
}

static void sort(u64 *sample, u32 count)
{
	for (u32 i = 1; i < count; i++) {
		u64 value = sample[i];
		u32 at = i;

		for (; at > 0 && sample[at - 1] > value; at--)
			sample[at] = sample[at - 1];
		sample[at] = value;
	}
}

void say_samples(char key, u64 *sample, u32 count)
{
	const char line[] = {key, ' ', '\0'};

	sort(sample, count);
	print("MEDIAN ");
	say(line, sample[count / 2]);
	print("TAIL ");
	say(line, sample[count * 99 / 100]);
}

char typed(void)
{
	return (in8(LINE_STATUS) & LINE_DATA_READY) != 0 ? (char)in8(COM1) : 0;
}
