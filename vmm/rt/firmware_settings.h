/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "lib/types.h"

/* Kinds of devices in a machine's order of boot. */
enum firmware_kind {
	FIRMWARE_KIND_NONE,
	FIRMWARE_KIND_DISK,
	FIRMWARE_KIND_CDROM,
	FIRMWARE_KIND_NET,
	FIRMWARE_KIND_COUNT,
};

#define FIRMWARE_TEXT_BYTES 64u
#define FIRMWARE_SEED_MAX   (256 * KIB) /* the longest user-data of a seed */

/*
 * What a machine that starts by firmware is told beside its devices. It takes the place of the
 * kernel's command line, of which such a machine has none.
 */
struct firmware_settings {
	u8 uuid[16];			   /* as SMBIOS has it (7.2.1) */
	u8 order[FIRMWARE_KIND_COUNT - 1]; /* enum firmware_kind; all FIRMWARE_KIND_NONE: none */
	u8 menu;			   /* 1: the firmware offers its boot menu */
	char instance[40];		   /* for cloud-init: the VM's own UUID, and its name */
	char name[FIRMWARE_TEXT_BYTES];
	char vendor[FIRMWARE_TEXT_BYTES]; /* as SMBIOS tells it; terminated, as the next two */
	char product[FIRMWARE_TEXT_BYTES];
	char serial[FIRMWARE_TEXT_BYTES];
};
_Static_assert(sizeof(struct firmware_settings) <= sizeof(((struct start_info *)0)->command_line),
	       "in its place");
