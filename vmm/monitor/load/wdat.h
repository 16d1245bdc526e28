/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/acpi_fixed.h"

/*
 * Watchdog action table (Microsoft, "Hardware Watchdog Timers Design Specification"): for each
 * action of a driver, the accesses to registers that perform it.
 */
enum wdat_action {
	WDAT_RESET = 1, /* the watchdog's count begins anew */
	WDAT_GET_LEFT = 4,
	WDAT_GET_COUNT = 5,
	WDAT_SET_COUNT = 6,
	WDAT_GET_RUNNING = 8,
	WDAT_SET_RUNNING = 9,
	WDAT_GET_STOPPED = 10,
	WDAT_SET_STOPPED = 11,
};

enum wdat_instruction {
	WDAT_IS_VALUE = 0, /* the result is whether the value read equals the entry's `value` */
	WDAT_READ_COUNT = 1,
	WDAT_WRITE_VALUE = 2,
	WDAT_WRITE_COUNT = 3,
};

struct wdat_entry {
	u8 action;
	u8 instruction;
	u16 reserved;
	struct acpi_address address;
	u32 value;
	u32 mask;
} PACKED;
_Static_assert(sizeof(struct wdat_entry) == 24, "WDAT 1.01");

#define WDAT_ENTRIES 8u
#define WDAT_NO_PCI  0xffu
#define WDAT_ENABLED 0x01u

struct wdat {
	struct acpi_header header;
	u32 watchdog_header_length; /* the bytes from this field to the entries */
	u16 pci_segment;
	u8 pci_bus;
	u8 pci_device;
	u8 pci_function;
	u8 reserved1[3];
	u32 period_ms;
	u32 count_max;
	u32 count_min;
	u8 flags;
	u8 reserved2[3];
	u32 entry_count;
	struct wdat_entry entry[WDAT_ENTRIES];
} PACKED;
_Static_assert(offsetof(struct wdat, entry) == 68, "WDAT 1.01");

/* Fills in the WDAT table for the device of dev/watchdog.h, but for its ACPI header. */
void wdat_fill(struct wdat *wdat);
