/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/firmware_settings.h"

/* Enough for every disk and card of a machine. */
#define BOOT_ORDER_BYTES 1536u

/* The devices that a machine may boot from, a bit for each by its number. */
struct boot_devices {
	u32 disks;
	u32 drives;
	u32 cards;
};

/*
 * Writes where firmware looks for something to boot, one path of OpenFirmware's kind a line and a 0
 * at the end, as QEMU's firmware wants it. Returns how many bytes there are; 0: no order is wanted.
 */
u32 boot_order_write(char text[BOOT_ORDER_BYTES], const struct firmware_settings *settings,
		     const struct boot_devices *devices);
