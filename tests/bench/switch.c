/* SPDX-License-Identifier: MIT */
/*
 * What a context switch costs: two vCPUs share one CPU and never wait. Each writes down the time,
 * again and again; one that has been away compares it with the last time that the other wrote down.
 * So what counts is from one's last instruction to the other's first: the timer's exit, the
 * scheduler, unloading and loading registers, the entry.
 */
#include "tests/bench/report.h"
#include "tests/bench/second.h"
#include "tests/guest/rt/devices.h"

#define SWITCHES     16u
#define AWAY_TICKS   100000u /* a gap of this length is less than a slice and more than an exit */
#define SWITCH_TICKS 50000u  /* a longer gap means that something else has run in between */

void ap_main(u32 id);

static volatile u64 last[2]; /* time that each wrote down */
static volatile u32 started;
static volatile u32 switches;
static u64 least = ~0ull;
static u64 sum;

static void note(u64 ticks)
{
	if (ticks > SWITCH_TICKS)
		return;
	sum += ticks;
	if (ticks < least)
		least = ticks;
	switches++;
}

/*
 * Stays on the CPU and notes the time. Only one of the two runs at a time, and calls note() early
 * in its slice: note() needs no lock.
 */
static void stay(u32 me)
{
	u64 before = read_tsc();

	last[me] = before;
	while (switches < SWITCHES) {
		u64 now = read_tsc();

		if (now - before > AWAY_TICKS && last[1 - me] > before)
			note(now - last[1 - me]);
		before = now;
		last[me] = now;
	}
}

void ap_main(u32 id)
{
	started = 1;
	stay(id);
}

void guest_main(void)
{
	pic_mask_all();
	lapic_enable();
	second_start(&started);
	stay(0);
	report("context-switch", least, sum / switches);
	pass("bench");
}
