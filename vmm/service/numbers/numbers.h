/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define NUMBERS_SECTORS 2048u

/*
 * Fills in a sector of the disk, BLOCK_SECTOR_BYTES: each word says where on the disk it is, but
 * for the first one, which says how often the service has been started.
 */
void numbers_fill(u64 sector, u64 starts, u8 *to);
