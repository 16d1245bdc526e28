/* SPDX-License-Identifier: MIT */
/*
 * Host time in ring 3 from the TSC. Called by every process; start.c initializes it with the TSC
 * frequency from start_info. Makes no system call.
 */
#include "vmm/rt/clock.h"
#include "lib/checked.h"

static u64 khz = 1;

void clock_init(u64 tsc_khz)
{
	khz = tsc_khz != 0 ? tsc_khz : 1;
}

u64 clock_tsc(void)
{
	u32 low;
	u32 high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

u64 clock_tsc_to_ns(u64 tsc)
{
	return mul_div(tsc, NS_PER_MS, khz);
}

u64 clock_ns_to_tsc(u64 ns)
{
	return mul_div(ns, khz, NS_PER_MS);
}

u64 clock_ns(void)
{
	return clock_tsc_to_ns(clock_tsc());
}
