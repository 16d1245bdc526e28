/* SPDX-License-Identifier: MIT */
#pragma once

#include "boot/boot_info.h"

/*
 * Sorts the memory map by address, merges neighbours of the same type and resolves overlaps in
 * favour of the region that is not RAM. Unknown types become BOOT_REGION_RESERVED. Returns NULL, or
 * a sentence that says what is wrong.
 */
const char *regions_normalise(struct boot_info *info);

/* A half-open range of whole pages of RAM. */
struct ram_range {
	u64 start;
	u64 end;
};
#define RAM_RANGE_MAX 512u

struct ram_ranges {
	u32 count;
	struct ram_range range[RAM_RANGE_MAX]; /* the ranges, sorted by address */
};

/* Lists all whole pages of RAM from `start` to `limit`. The memory map must be normalised. */
void regions_from_ram(struct ram_ranges *ranges, const struct boot_info *info, u64 start,
		      u64 limit);
/*
 * Removes from the list every page that [base, base + length) touches; returns false if the list
 * would overflow.
 */
bool regions_remove(struct ram_ranges *ranges, u64 base, u64 length) MUST_CHECK;
/* Returns the size of all ranges together. */
u64 regions_bytes(const struct ram_ranges *ranges);
