/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/firmware_settings.h"

#define SMBIOS_TABLE_BYTES  1024u
#define SMBIOS_ANCHOR_BYTES 31u

/* SMBIOS tables, which describe the VM, and the anchor by which guests find them. */
struct smbios {
	u32 bytes; /* the size of `table` in use */
	u8 anchor[SMBIOS_ANCHOR_BYTES];
	u8 table[SMBIOS_TABLE_BYTES];
};

/* Writes the tables of a VM with that many vCPUs and bytes of RAM. */
void smbios_write(struct smbios *smbios, const struct firmware_settings *settings, u32 vcpu_count,
		  u64 ram_bytes);
