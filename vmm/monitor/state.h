/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

/* Part of the format of a saved state: only append. */
enum state_kind {
	STATE_LAPIC = 1,
	STATE_IRQCHIP = 2,
	STATE_BUS = 3,
	STATE_IOAPIC = 4,
	STATE_PIC = 5,
	STATE_HPET = 6,
	STATE_PIT = 7,
	STATE_RTC = 8,
	STATE_SERIAL = 9,
	STATE_ACPI_PM = 10,
	STATE_RESET = 11,
	STATE_DEBUG = 12,
	STATE_CRTC = 13,
	STATE_FW_CFG = 14,
	STATE_TEST_DEVICE = 15,
	STATE_PVPANIC = 16,
	STATE_WATCHDOG = 17,
	STATE_PCI_BUS = 18,
	STATE_VIRTIO_RNG = 19,
	STATE_VIRTIO_CONSOLE = 20,
	STATE_VIRTIO_BLK = 21,
	STATE_VIRTIO_NET = 22,
};

/* Before each section of a saved state; the section takes `bytes`, rounded up to 8. */
struct state_head {
	u32 kind;     /* enum state_kind */
	u32 instance; /* counts those of one kind, from 0 */
	u32 version;  /* of the struct that is saved: raised by each change to it */
	u32 bytes;
};
_Static_assert(sizeof(struct state_head) == 16, "keeps what follows aligned");

/* A part of the machine that is saved and loaded as a whole. */
struct state_section {
	struct state_head head;
	void *owner;
	void (*save)(const void *owner, void *bytes);
	/* Without effect STATUS_BAD_FORMAT for a state from which a guest could do harm. */
	enum status (*load)(void *owner, const void *bytes);
};
