/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The TSC as the kernel's clock. One rate for all CPUs. */
extern u32 tsc_rate_khz;

/*
 * Measures the TSC against channel 2 of the PIT (some 10 ms, up to a second on a busy host) and
 * falls back on what CPUID says. Returns the rate in kHz, 0 if neither works.
 */
u32 tsc_calibrate(void);

/* Sets the rate that the conversions use; khz is not 0. */
void tsc_set_khz(u32 khz);
static inline u32 tsc_khz(void)
{
	return tsc_rate_khz;
}

/* Rounds down and saturates at 2^64 - 1. */
u64 tsc_from_ns(u64 ns);
