/* SPDX-License-Identifier: MIT */
#pragma once

#include <time.h>

/* Returns the seconds of a clock that cannot be set (CLOCK_MONOTONIC). */
static inline double clock_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
