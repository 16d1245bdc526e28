/* SPDX-License-Identifier: MIT */
/*
 * Writes the WDAT table, by which a guest drives the watchdog. Called by acpi_tables.c; writes to
 * the table buffer only.
 */
#include "vmm/monitor/load/wdat.h"
#include "vmm/monitor/dev/watchdog.h"

static struct wdat_entry wdat_step(u8 action, u8 instruction, u32 at, u8 bytes, u32 value)
{
	u32 mask = bytes == 1 ? 0xff : 0xffff;

	return (struct wdat_entry){
		.action = action,
		.instruction = instruction,
		.address = {.space = ACPI_SPACE_IO,
			    .bit_width = (u8)(8 * bytes),
			    /* access size: the code for 1 or 2 bytes is that number */
			    .access_size = bytes,
			    .address = WATCHDOG_PORT + at},
		.value = value,
		.mask = at == WATCHDOG_CONTROL ? WATCHDOG_RUN : mask,
	};
}

void wdat_fill(struct wdat *wdat)
{
	const struct wdat_entry entries[] = {
		wdat_step(WDAT_RESET, WDAT_WRITE_VALUE, WATCHDOG_KICK, 1, 1),
		wdat_step(WDAT_GET_LEFT, WDAT_READ_COUNT, WATCHDOG_LEFT, 2, 0),
		wdat_step(WDAT_GET_COUNT, WDAT_READ_COUNT, WATCHDOG_COUNT, 2, 0),
		wdat_step(WDAT_SET_COUNT, WDAT_WRITE_COUNT, WATCHDOG_COUNT, 2, 0),
		wdat_step(WDAT_GET_RUNNING, WDAT_IS_VALUE, WATCHDOG_CONTROL, 1, WATCHDOG_RUN),
		wdat_step(WDAT_SET_RUNNING, WDAT_WRITE_VALUE, WATCHDOG_CONTROL, 1, WATCHDOG_RUN),
		wdat_step(WDAT_GET_STOPPED, WDAT_IS_VALUE, WATCHDOG_CONTROL, 1, 0),
		wdat_step(WDAT_SET_STOPPED, WDAT_WRITE_VALUE, WATCHDOG_CONTROL, 1, 0),
	};

	_Static_assert(ARRAY_COUNT(entries) == WDAT_ENTRIES, "all of them");
	*wdat = (struct wdat){
		.watchdog_header_length = offsetof(struct wdat, entry) - sizeof(wdat->header),
		.pci_segment = WDAT_NO_PCI,
		.pci_bus = WDAT_NO_PCI,
		.pci_device = WDAT_NO_PCI,
		.pci_function = WDAT_NO_PCI,
		.period_ms = 1000,
		.count_max = WATCHDOG_COUNT_MAX,
		.count_min = 1,
		.flags = WDAT_ENABLED,
		.entry_count = WDAT_ENTRIES,
	};
	for (u32 i = 0; i < WDAT_ENTRIES; i++)
		wdat->entry[i] = entries[i];
}
