/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Host time in ring 3: the TSC and its frequency from start_info. */
void clock_init(u64 tsc_khz);
u64 clock_tsc(void);
u64 clock_tsc_to_ns(u64 tsc);
u64 clock_ns_to_tsc(u64 ns);
/* Returns clock_tsc() in nanoseconds. */
u64 clock_ns(void);
