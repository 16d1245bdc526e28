/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The TSC as the kernel's clock. One rate for all CPUs. */
extern u32 tsc_rate_khz;

/* Sets the rate that the conversions use; khz is not 0. */
void tsc_set_khz(u32 khz);
static inline u32 tsc_khz(void)
{
	return tsc_rate_khz;
}

/* Rounds down and saturates at 2^64 - 1. */
u64 tsc_from_ns(u64 ns);
