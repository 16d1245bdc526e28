/* SPDX-License-Identifier: MIT */
/*
 * Measures the rate of the TSC by the PIT, the one timer that every PC and both emulators have.
 * boot/init/machine.c calls it once, on the boot CPU. It programs the PIT's channel 2 and falls
 * back on CPUID if no PIT counts.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "boot/init/init.h"
#include "lib/checked.h"
#include "vmm/hw/cpuid.h"
#include "vmm/hw/pit.h"

#define ROUNDS	  100u
#define PIT_COUNT 11932u /* about 10 ms */
/* in TSC ticks, some seconds: a PIT that has not ended its count by then is taken for stopped */
#define TIME_OUT_TICKS BIT(33)
/*
 * reads of the PIT that must have passed as well: ticks of the TSC alone pass also while the CPU
 * stands still
 */
#define TIME_OUT_READS 20000u
#define WHOLE	       BIT(32) /* the unit of struct round.doubt */
/* a doubt so small that no further round of measuring is made */
#define GOOD_ENOUGH (WHOLE / 8192)

struct round {
	u64 ticks;
	u64 doubt; /* relative uncertainty: the true value is ticks +- ticks * doubt / WHOLE / 2 */
};

/*
 * Lets channel 2 count down once in mode 0 and reads the TSC before and after its start and its
 * end, so that a delay of this CPU (an SMI, or an emulator's host) shows. end_low precedes the last
 * read of OUT that was still low: the delay may have come right after that read took its value.
 * Returns false if the counter never ends.
 */
static bool tsc_calibrate_round_measure(struct round *round)
{
	u8 gate = in8(PIT_GATE_PORT) & (u8) ~(PIT_GATE_SPEAKER | PIT_GATE_2);
	/*
	 * the TSC when the PIT's count was loaded; QEMU's PIT counts from then on, even if the gate
	 * is low
	 */
	u64 loaded;
	u64 start_low;
	u64 start_high;
	u64 end_low;
	u64 end_high;
	u64 before; /* TSC before the last read of the PIT's OUT */
	u32 reads = 0;
	u8 over;

	out8(PIT_GATE_PORT, gate);
	out8(PIT_CONTROL_PORT, 2 << PIT_CONTROL_CHANNEL_SHIFT | PIT_CONTROL_LOW_HIGH |
				       PIT_MODE_TERMINAL_COUNT << PIT_CONTROL_MODE_SHIFT);
	out8(PIT_PORT + 2, PIT_COUNT & 0xff);
	loaded = rdtsc_ordered();
	out8(PIT_PORT + 2, PIT_COUNT >> 8);
	start_low = rdtsc_ordered();
	out8(PIT_GATE_PORT, gate | PIT_GATE_2);
	start_high = rdtsc_ordered();
	before = start_high;
	end_high = start_high;
	do {
		end_low = before;
		before = end_high;
		over = in8(PIT_GATE_PORT) & PIT_GATE_OUT_2;
		end_high = rdtsc_ordered();
		reads++;
	} while (!over && (end_high - start_low < TIME_OUT_TICKS || reads < TIME_OUT_READS));
	round->ticks = (end_low + end_high) / 2 - (start_low + start_high) / 2;
	round->doubt = mul_div(end_high - end_low + start_high - loaded, WHOLE, round->ticks);
	return over;
}

/* Returns the rate in kHz by CPUID leaves 15H and 16H (SDM vol. 2); 0 if these do not tell. */
static u32 tsc_calibrate_khz_from_cpuid(void)
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

/*
 * Measures in rounds until one is good enough. Each further round accepts more doubt: on a busy
 * host every read may be delayed.
 */
u32 tsc_calibrate(void)
{
	struct round best = {0, ~0ull};

	for (u32 i = 0; i < ROUNDS && best.doubt > i * GOOD_ENOUGH; i++) {
		struct round round;

		if (!tsc_calibrate_round_measure(&round))
			break;
		if (round.doubt < best.doubt)
			best = round;
	}
	if (best.doubt >= WHOLE) /* the counter ended at once, or never: no PIT counts */
		return tsc_calibrate_khz_from_cpuid();
	return (u32)((mul_div(best.ticks, 2ull * PIT_HZ, PIT_COUNT * 1000ull) + 1) / 2);
}
