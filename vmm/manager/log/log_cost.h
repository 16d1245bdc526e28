/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The cost of repeated work in TSC cycles, which pass even while other threads have the CPU: a time
 * much longer than the mean was interrupted, and counts as the mean.
 */
struct log_cost {
	u64 tsc;   /* TSC cycles in all */
	u64 count; /* number of repetitions */
};

/* Adds one repetition of the work, which took `tsc` TSC cycles. */
void log_cost_add(struct log_cost *cost, u64 tsc);
/* Returns the mean TSC cycles of a repetition, or 0 before the first. */
u64 log_cost_each(const struct log_cost *cost);
