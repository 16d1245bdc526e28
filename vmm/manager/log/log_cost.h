/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What something costs that is done again and again, by a clock that runs on while others have the
 * CPU: a time that is much longer than the mean was interrupted, and counts as the mean does.
 */
struct log_cost {
	u64 tsc;   /* in all */
	u64 count; /* how often */
};

/* Once more: it took so long by the clock. */
void log_cost_add(struct log_cost *cost, u64 tsc);
/* Cycles of one; 0 before the first. */
u64 log_cost_each(const struct log_cost *cost);
