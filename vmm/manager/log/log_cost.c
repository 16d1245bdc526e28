/* SPDX-License-Identifier: MIT */
/*
 * Averages the cost of repeated work. Called by log.c, log_export.c and `log stat`. Holds no state
 * beyond the given counter.
 */
#include "vmm/manager/log/log_cost.h"

#define COUNT_ENOUGH 16u /* samples needed for a mean that can be relied on */
/* how many times the mean a measurement may be; a longer one counts as the mean */
#define TOO_LONG 16u

void log_cost_add(struct log_cost *cost, u64 tsc)
{
	u64 mean = log_cost_each(cost);

	if (cost->count >= COUNT_ENOUGH && tsc > TOO_LONG * mean)
		tsc = mean;
	cost->tsc += tsc;
	cost->count++;
}

u64 log_cost_each(const struct log_cost *cost)
{
	return cost->count != 0 ? cost->tsc / cost->count : 0;
}
