/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* ACPI 6.4, table 15-374; the same numbers in Linux's e820, PVH and Multiboot maps. */
enum e820_type {
	E820_RAM = 1,
	E820_RESERVED = 2,
	E820_ACPI = 3,
};

struct e820_entry {
	u64 start;
	u64 length;
	u32 type; /* enum e820_type */
};

#define E820_ENTRIES_MAX 9 /* the most entries, for a VM with PCI and with RAM above 4 GiB */

struct e820_map {
	u32 count;
	struct e820_entry entry[E820_ENTRIES_MAX];
};

/*
 * Builds the guest's memory map (layout.h), sorted by address; ram_bytes >= LAYOUT_RAM_MINIMUM.
 * `pci` adds configuration space.
 */
void e820_build(struct e820_map *map, u64 ram_bytes, bool pci);
