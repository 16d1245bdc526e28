/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Sets the TSC's frequency, which start_info has, for host time in ring 3. */
void clock_init(u64 tsc_khz);
u64 clock_tsc(void);
u64 clock_tsc_to_ns(u64 tsc);
u64 clock_ns_to_tsc(u64 ns);
/* Returns the host's TSC, which clock_tsc() returns in ticks, in nanoseconds. */
u64 clock_ns(void);
