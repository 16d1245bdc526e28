/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/firmware_settings.h"

/* The size of the boot order's text: enough for every disk and network card of a VM. */
#define BOOT_ORDER_BYTES 1536u

/* The devices from which a VM may boot, a bit for each by its number. */
struct boot_devices {
	u32 disks;
	u32 units; /* the number of `disks` that are units of the VM's SCSI host */
	u32 drives;
	u32 cards;
};

/* The file bootorder of fw_cfg, which may say something else at the guest's first start. */
struct boot_order {
	char text[BOOT_ORDER_BYTES]; /* what the file says now */
	char then[BOOT_ORDER_BYTES]; /* what it says from the guest's second start on */
	u32 bytes;    /* the file's size in bytes, at each start; 0: there is no file */
	bool started; /* the guest's first start is over */
};

/*
 * Writes where the firmware looks for something to boot, as QEMU's firmware expects it: one
 * OpenFirmware path on each line, and a 0 at the end. What is shorter than the file is followed by
 * more 0s. order->bytes is 0 if the settings name no order.
 */
void boot_order_write(struct boot_order *order, const struct firmware_settings *settings,
		      const struct boot_devices *devices);
/* Makes the file what it is for this start of the guest, each of which begins with a call. */
void boot_order_start(struct boot_order *order);
