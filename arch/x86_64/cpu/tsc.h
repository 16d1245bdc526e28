/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The rate of the TSC, the kernel's clock, in kHz; the same on all CPUs. */
extern u32 tsc_rate_khz;

/* Sets the rate that the conversions use; khz is not 0. */
void tsc_set_khz(u32 khz);
static inline u32 tsc_khz(void)
{
	return tsc_rate_khz;
}

/* Returns the TSC ticks in `ns` nanoseconds, rounded down, 2^64 - 1 at most. */
u64 tsc_from_ns(u64 ns);
