/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "lib/types.h"

/* Kinds of devices in the order in which a VM's firmware tries to boot. */
enum firmware_kind {
	FIRMWARE_KIND_NONE,
	FIRMWARE_KIND_DISK,
	FIRMWARE_KIND_CDROM,
	FIRMWARE_KIND_NET,
	FIRMWARE_KIND_COUNT,
};

#define FIRMWARE_TEXT_BYTES 64u
#define FIRMWARE_SEED_MAX   (256 * KIB) /* the longest user-data of a cloud-init seed */

/*
 * The settings for a VM that starts by firmware, besides its devices. They take the place of the
 * kernel's command line, which such a VM does not have.
 */
struct firmware_settings {
	u8 uuid[16]; /* the UUID in the format of SMBIOS (7.2.1) */
	/*
	 * enum firmware_kind, in the order in which to try them; all FIRMWARE_KIND_NONE: no order
	 * is given
	 */
	u8 order[FIRMWARE_KIND_COUNT - 1];
	u8 once[FIRMWARE_KIND_COUNT - 1]; /* the same for the monitor's first start of the guest */
	u8 menu;			  /* 1: the VM's firmware offers its boot menu */
	/*
	 * the length of the VM's user-data when its text is gone: the CD keeps its size, which a
	 * saved state knows
	 */
	u32 seed_bytes;
	/* cloud-init's instance id: the VM's own UUID, and its name */
	char instance[40];
	char name[FIRMWARE_TEXT_BYTES];
	/* the maker shown in SMBIOS; terminated by 0, like the next two */
	char vendor[FIRMWARE_TEXT_BYTES];
	char product[FIRMWARE_TEXT_BYTES];
	char serial[FIRMWARE_TEXT_BYTES];
};
_Static_assert(sizeof(struct firmware_settings) <= sizeof(((struct start_info *)0)->command_line),
	       "in its place");
