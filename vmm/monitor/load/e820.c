/* SPDX-License-Identifier: MIT */
/* Builds a guest's memory map. Called by the loaders of kernels; writes the caller's table only. */
#include "vmm/monitor/load/e820.h"
#include "vmm/monitor/memory/layout.h"

static void e820_add(struct e820_map *map, u64 start, u64 end, enum e820_type type)
{
	if (start >= end)
		return;
	map->entry[map->count++] = (struct e820_entry){start, end - start, type};
}

void e820_build(struct e820_map *map, u64 ram_bytes, bool pci)
{
	*map = (struct e820_map){0};
	e820_add(map, 0, LAYOUT_EBDA, E820_RAM);
	e820_add(map, LAYOUT_EBDA, LAYOUT_VGA, E820_RESERVED);
	e820_add(map, LAYOUT_ACPI, LAYOUT_RSDP, E820_ACPI);
	e820_add(map, LAYOUT_RSDP, LAYOUT_HIGH_START, E820_RESERVED);
	e820_add(map, LAYOUT_HIGH_START, layout_low_bytes(ram_bytes), E820_RAM);
	if (pci)
		e820_add(map, LAYOUT_ECAM, LAYOUT_ECAM + LAYOUT_ECAM_BYTES, E820_RESERVED);
	/* the interrupt controllers' pages (SDM vol. 3, 11.4.1) */
	e820_add(map, 0xfec00000, 0xfec01000, E820_RESERVED);
	e820_add(map, 0xfee00000, 0xfee01000, E820_RESERVED);
	e820_add(map, LAYOUT_ABOVE_4G, LAYOUT_ABOVE_4G + layout_high_bytes(ram_bytes), E820_RAM);
}
