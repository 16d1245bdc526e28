/* SPDX-License-Identifier: MIT */
/* Finds out the rate of the TSC, by the one timer that every PC and both emulators have. */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/hw/cpuid.h"
#include "arch/x86_64/hw/pit.h"
#include "lib/checked.h"

#define ROUNDS	       5u
#define PIT_COUNT      11932u  /* about 10 ms */
#define TIME_OUT_TICKS BIT(33) /* seconds: there is no PIT */
#define GOOD_ENOUGH    8192u   /* stop when the doubt is less than this part of the result */

struct round {
	u64 ticks;
	u64 doubt; /* the true number lies within ticks +- doubt / 2 */
};

/*
 * Lets channel 2 count down once in mode 0 and reads the TSC on both sides of its start and of its
 * end, so that a delay of this CPU (an SMI, or the host of an emulator) shows.
 */
static bool round_measure(struct round *round)
{
	u8 gate = in8(PIT_GATE_PORT) & (u8) ~(PIT_GATE_SPEAKER | PIT_GATE_2);
	u64 start_low;
	u64 start_high;
	u64 end_low;
	u64 end_high;

	out8(PIT_GATE_PORT, gate);
	out8(PIT_CONTROL_PORT, 2 << PIT_CONTROL_CHANNEL_SHIFT | PIT_CONTROL_LOW_HIGH |
				       PIT_MODE_TERMINAL_COUNT << PIT_CONTROL_MODE_SHIFT);
	out8(PIT_PORT + 2, PIT_COUNT & 0xff);
	out8(PIT_PORT + 2, PIT_COUNT >> 8);
	if (in8(PIT_GATE_PORT) & PIT_GATE_OUT_2) { /* nothing counts there */
		*round = (struct round){0, ~0ull};
		return true;
	}

	start_low = rdtsc_ordered();
	out8(PIT_GATE_PORT, gate | PIT_GATE_2);
	start_high = rdtsc_ordered();
	end_high = start_high;
	do {
		end_low = end_high;
		if (in8(PIT_GATE_PORT) & PIT_GATE_OUT_2) {
			end_high = rdtsc_ordered();
			round->ticks = (end_low + end_high) / 2 - (start_low + start_high) / 2;
			round->doubt = end_high - end_low + start_high - start_low;
			return true;
		}
		end_high = rdtsc_ordered();
	} while (end_high - start_low < TIME_OUT_TICKS);
	return false;
}

/* SDM vol. 2, CPUID leaves 15H and 16H. */
static u32 khz_from_cpuid(void)
{
	u32 last = cpuid(CPUID_VENDOR, 0).eax;
	struct cpuid_regs leaf;

	if (last >= CPUID_TSC) {
		leaf = cpuid(CPUID_TSC, 0);
		if (leaf.eax && leaf.ebx && leaf.ecx)
			return (u32)mul_div(leaf.ecx, leaf.ebx, (u64)leaf.eax * 1000);
	}
	return last >= CPUID_FREQUENCY ? (cpuid(CPUID_FREQUENCY, 0).eax & 0xffff) * 1000 : 0;
}

u32 tsc_calibrate(void)
{
	struct round best = {0, ~0ull};

	for (unsigned int i = 0; i < ROUNDS && best.doubt > best.ticks / GOOD_ENOUGH; i++) {
		struct round round;

		if (!round_measure(&round))
			break;
		if (round.doubt < best.doubt)
			best = round;
	}
	if (best.ticks == 0)
		return khz_from_cpuid();
	return (u32)((mul_div(best.ticks, 2ull * PIT_HZ, PIT_COUNT * 1000ull) + 1) / 2);
}
