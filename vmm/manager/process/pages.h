/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The host's pages for VMs and drivers, and the number of those that are promised to no group. */

/*
 * Sets how many pages there are before the first VM or driver; `promised` returns how many are
 * promised now.
 */
void pages_set_up(u64 count, u64 (*promised)(void));
u64 pages_at_start(void);

u64 pages_available(void);
