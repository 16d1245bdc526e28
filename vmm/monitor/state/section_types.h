/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Kinds of sections. Their numbers are part of the format of a saved state: only append. */
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
	STATE_POLICY = 23, /* the VM's RAM, vCPUs and CPUID policy, which a load only compares */
	STATE_TIME = 24,
	STATE_VCPU = 25,
	STATE_XSAVE = 26,
	STATE_END = 27, /* the last record, which is no section */
	STATE_VIRTIO_BALLOON = 28,
	STATE_WALL = 29, /* the date at the save; a saved state may lack it */
	STATE_VIRTIO_VSOCK = 30,
	STATE_FW_CFG_DMA = 31,
	STATE_FIRMWARE_LOG = 32,
	STATE_VIRTIO_SCSI = 33,
	STATE_FLASH = 34,
	STATE_FLASH_CONTENT = 35, /* the content of the flash memory with UEFI variables */
	STATE_VIRTIO_SCSI_HOST = 36,
	STATE_VIRTIO_SCSI_DISK = 37, /* a disk at that host */
	STATE_WINDOW = 38,
	STATE_KIND_COUNT
};

/*
 * A part of the VM that is saved, loaded or shown as a whole. Its bytes lie 8-byte aligned. A load
 * first asks `valid` of all sections, and cannot fail afterwards.
 */
struct state_section {
	const char *name;
	u16 kind;     /* enum state_kind; 0: the list has no section at this index */
	u16 instance; /* the section's number among those of the same kind, from 0 on */
	u16 version;  /* the version of the saved struct, raised by each change to it */
	/*
	 * a saved state may lack the section, or have another version of it: then it is not loaded
	 */
	bool optional;
	u32 bytes;
	void *owner;
	void (*save)(const void *owner, void *bytes);
	/*
	 * Returns whether a guest in that state can do no harm to the monitor; if not, *reason may
	 * give the reason.
	 */
	bool (*valid)(const void *owner, const void *bytes, const char **reason);
	void (*load)(void *owner, const void *bytes);
};

/* A list of state sections in the order of loading. */
struct state_list {
	void *owner;
	/* Describes section number `index`. Returns false if the list is shorter. */
	bool (*at)(void *owner, u32 index, struct state_section *section);
};
