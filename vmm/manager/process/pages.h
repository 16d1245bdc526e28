/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Pages of the machine, and how many of them are promised to nobody. */

/* So many are there for VMs and drivers, before the first of them. */
void pages_set_up(u64 count);
u64 pages_at_start(void);

/* Those that have promised some; each says how many they are now. */
typedef u64 pages_promised_t(void);
void pages_count_promised(pages_promised_t *promised);

u64 pages_available(void);
