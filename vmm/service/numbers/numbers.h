/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define NUMBERS_SECTORS 2048u

/*
 * Fills in one sector of the disk, BLOCK_SECTOR_BYTES bytes: each 64-bit word is its own offset on
 * the disk, but the disk's first word is `starts`, the number of times the service has started.
 */
void numbers_fill(u64 sector, u64 starts, u8 *to);
