/* SPDX-License-Identifier: MIT */
/*
 * The TSC as the kernel's clock: its rate and the conversion from nanoseconds. boot/init sets the
 * rate once; timers, budgets and time limits all over ring 0 convert with it. It owns the rate and
 * a factor derived from it, which do not change after boot.
 */
#include "arch/x86_64/cpu/tsc.h"

#include "lib/types.h"

/* Ticks are ns * tick_factor / 2^32; the factor fits in 64 bits for every rate. */
#define FACTOR_SHIFT 32
#define NS_PER_KTICK 1000000ull /* at 1 kHz a tick is 10^6 ns */

u32 tsc_rate_khz;
static u64 tick_factor;

void tsc_set_khz(u32 value)
{
	tsc_rate_khz = value;
	tick_factor = ((u64)value << FACTOR_SHIFT) / NS_PER_KTICK;
}

u64 tsc_from_ns(u64 ns)
{
	unsigned __int128 product = (unsigned __int128)ns * tick_factor >> FACTOR_SHIFT;

	return product > ~0ull ? ~0ull : (u64)product;
}
