/* SPDX-License-Identifier: MIT */
#pragma once

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
	STATE_POLICY = 23, /* what the machine is, for a comparison */
	STATE_TIME = 24,
	STATE_VCPU = 25,
	STATE_XSAVE = 26,
	STATE_END = 27, /* the last record, no section */
	STATE_VIRTIO_BALLOON = 28,
	STATE_WALL = 29, /* optional */
	STATE_KIND_COUNT
};

/*
 * A part of the machine that is saved, loaded or shown as a whole. Its bytes lie 8-byte aligned. A
 * load goes through all sections with `valid` first and cannot fail then.
 */
struct state_section {
	const char *name;
	u16 kind;      /* enum state_kind; 0: an empty place in a list */
	u16 instance;  /* counts those of one kind, from 0 */
	u16 version;   /* of the struct that is saved: raised by each change to it */
	bool optional; /* it may be missing, or be of another version, and is not loaded then */
	u32 bytes;
	void *owner;
	void (*save)(const void *owner, void *bytes);
	/* Whether a guest in that state can do no harm; if not, *reason may say what is wrong. */
	bool (*valid)(const void *owner, const void *bytes, const char **reason);
	void (*load)(void *owner, const void *bytes);
};

/* All sections of something, in the order of loading. */
struct state_list {
	void *owner;
	/* Fills in number `index`. False: there are not so many. */
	bool (*at)(void *owner, u32 index, struct state_section *section);
};
