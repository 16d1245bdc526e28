/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What something that is done again and again costs, by a clock that also runs while others have
 * the CPU: a time much longer than the mean was interrupted, and counts as the mean.
 */
struct log_cost {
	u64 tsc;   /* in all */
	u64 count; /* how often */
};

/* It was done once more, in so many cycles by the clock. */
void log_cost_add(struct log_cost *cost, u64 tsc);
/* Mean cycles of one; 0 before the first. */
u64 log_cost_each(const struct log_cost *cost);
