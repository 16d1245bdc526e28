/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Pages of the machine, and how many of them are promised to nobody. */

/*
 * So many are there for VMs and drivers, before the first of them; `promised` says how many are
 * promised to those that there are.
 */
void pages_set_up(u64 count, u64 (*promised)(void));
u64 pages_at_start(void);

u64 pages_available(void);
