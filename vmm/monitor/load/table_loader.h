/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A script by which a guest's firmware places ACPI tables: the firmware allocates memory for files
 * of fw_cfg, adds the addresses of files to pointers in them, and computes checksums anew (QEMU's
 * hw/acpi/bios-linker-loader.c describes the format).
 */
#define TABLE_LOADER_COMMAND_BYTES 128u
#define TABLE_LOADER_COMMANDS	   32u

#define TABLE_LOADER_TABLES "etc/acpi/tables"
#define TABLE_LOADER_RSDP   "etc/acpi/rsdp"
#define TABLE_LOADER_SCRIPT "etc/table-loader"

struct table_loader {
	u32 commands;
	u8 script[TABLE_LOADER_COMMANDS * TABLE_LOADER_COMMAND_BYTES];
};

/*
 * Writes the script for tables as acpi_tables_write leaves them: `tables` are the bytes from guest
 * address `base` on, `rsdp` the root of the tables. Makes their pointers offsets from `base`, and
 * their checksums 0. Returns how many bytes of `tables` are in use.
 */
u32 table_loader_write(struct table_loader *loader, u8 *tables, u8 *rsdp, u32 base);
