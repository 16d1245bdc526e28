/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/firmware_settings.h"

/* The size of the boot order's text: enough for every disk and network card of a VM. */
#define BOOT_ORDER_BYTES 1536u

/* The devices from which a VM may boot, a bit for each by its number. */
struct boot_devices {
	u32 disks;
	u32 units; /* those of `disks` that are units of the VM's SCSI host */
	u32 drives;
	u32 cards;
};

/*
 * Writes where the firmware looks for something to boot, as QEMU's firmware expects it: one
 * OpenFirmware path on each line, and a 0 at the end. Returns the number of bytes; 0: the settings
 * name no order.
 */
u32 boot_order_write(char text[BOOT_ORDER_BYTES], const struct firmware_settings *settings,
		     const struct boot_devices *devices);
