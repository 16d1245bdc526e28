/* SPDX-License-Identifier: MIT */
/*
 * Turns ACPI tables with addresses into tables that a guest's firmware can place anywhere, with a
 * script for that (table_loader.h). Called by firmware.c once for each VM; writes the caller's
 * buffers only.
 */
#include "vmm/monitor/load/table_loader.h"

#include "lib/string.h"
#include "vmm/hw/acpi_fixed.h"
#include "vmm/monitor/load/bytes.h"

enum command {
	COMMAND_ALLOCATE = 1,
	COMMAND_ADD_POINTER = 2,
	COMMAND_ADD_CHECKSUM = 3,
};

enum zone { ZONE_HIGH = 1, ZONE_LOW = 2 };

/*
 * Offsets of a script command's fields: the command's number, then fields that depend on it. Names
 * are padded with zeros.
 */
#define AT_NAME	     4u
#define NAME_BYTES   56u
#define AT_ALIGNMENT (AT_NAME + NAME_BYTES)
#define AT_ZONE	     (AT_ALIGNMENT + 4)
#define AT_SOURCE    (AT_NAME + NAME_BYTES)
#define AT_POINTER   (AT_SOURCE + NAME_BYTES)
#define AT_SIZE	     (AT_POINTER + 4)
#define AT_CHECKSUM  (AT_NAME + NAME_BYTES)
#define AT_START     (AT_CHECKSUM + 4)
#define AT_LENGTH    (AT_START + 4)

/* A file of fw_cfg that the script changes once the firmware has loaded it. */
struct blob {
	const char *name;
	u8 *bytes;
};

static u8 *table_loader_add(struct table_loader *loader, enum command command, const char *name)
{
	u8 *at = loader->script + (size_t)loader->commands * TABLE_LOADER_COMMAND_BYTES;

	loader->commands++;
	memset(at, 0, TABLE_LOADER_COMMAND_BYTES);
	put_u32(at, command);
	string_copy((char *)at + AT_NAME, NAME_BYTES, name);
	return at;
}

static void table_loader_allocate(struct table_loader *loader, const char *name, u32 alignment,
				  enum zone zone)
{
	u8 *at = table_loader_add(loader, COMMAND_ALLOCATE, name);

	put_u32(at + AT_ALIGNMENT, alignment);
	at[AT_ZONE] = (u8)zone;
}

/*
 * Turns a pointer of 4 or 8 bytes into an offset from `base`, and adds a command to the script by
 * which the firmware adds the tables' address to it.
 */
static void table_loader_pointer(struct table_loader *loader, const struct blob *blob, u32 offset,
				 u8 size, u32 base)
{
	u8 *at = table_loader_add(loader, COMMAND_ADD_POINTER, blob->name);

	string_copy((char *)at + AT_SOURCE, NAME_BYTES, TABLE_LOADER_TABLES);
	put_u32(at + AT_POINTER, offset);
	at[AT_SIZE] = size;
	put_u32(blob->bytes + offset, get_u32(blob->bytes + offset) - base);
}

static void table_loader_checksum(struct table_loader *loader, const struct blob *blob, u32 offset,
				  u32 start, u32 length)
{
	u8 *at = table_loader_add(loader, COMMAND_ADD_CHECKSUM, blob->name);

	put_u32(at + AT_CHECKSUM, offset);
	put_u32(at + AT_START, start);
	put_u32(at + AT_LENGTH, length);
	blob->bytes[offset] = 0;
}

static u32 table_loader_length(const u8 *table)
{
	return get_u32(table + offsetof(struct acpi_header, length));
}

static void table_loader_table_checksum(struct table_loader *loader, const struct blob *tables,
					u32 at)
{
	table_loader_checksum(loader, tables, at + (u32)offsetof(struct acpi_header, checksum), at,
			      table_loader_length(tables->bytes + at));
}

static void table_loader_fadt(struct table_loader *loader, const struct blob *tables, u32 at,
			      u32 base)
{
	static const struct {
		u32 offset;
		u8 size;
	} pointers[] = {
		{offsetof(struct acpi_fadt, firmware_ctrl), 4},
		{offsetof(struct acpi_fadt, dsdt), 4},
		{offsetof(struct acpi_fadt, x_dsdt), 8},
	};

	for (size_t i = 0; i < ARRAY_COUNT(pointers); i++)
		if (get_u32(tables->bytes + at + pointers[i].offset) != 0)
			table_loader_pointer(loader, tables, at + pointers[i].offset,
					     pointers[i].size, base);
	table_loader_table_checksum(loader, tables, at);
}

/* Handles RSDT or XSDT, whose entries have `size` bytes. The first entry of each is the FADT's. */
static void table_loader_root(struct table_loader *loader, const struct blob *tables, u32 at,
			      u8 size, u32 base)
{
	u32 length = table_loader_length(tables->bytes + at);

	for (u32 i = sizeof(struct acpi_header); i < length; i += size)
		table_loader_pointer(loader, tables, at + i, size, base);
	table_loader_table_checksum(loader, tables, at);
}

u32 table_loader_write(struct table_loader *loader, u8 *tables, u8 *rsdp, u32 base)
{
	const struct blob blob = {TABLE_LOADER_TABLES, tables};
	const struct blob root = {TABLE_LOADER_RSDP, rsdp};
	u32 rsdt = get_u32(rsdp + offsetof(struct acpi_rsdp, rsdt_address)) - base;
	u32 xsdt = get_u32(rsdp + offsetof(struct acpi_rsdp, xsdt_address)) - base;
	u32 fadt = get_u32(tables + rsdt + sizeof(struct acpi_header)) - base;

	loader->commands = 0;
	table_loader_allocate(loader, TABLE_LOADER_RSDP, 16, ZONE_LOW);
	table_loader_allocate(loader, TABLE_LOADER_TABLES, 64, ZONE_HIGH);
	table_loader_fadt(loader, &blob, fadt, base);
	table_loader_root(loader, &blob, rsdt, 4, base);
	table_loader_root(loader, &blob, xsdt, 8, base);
	table_loader_pointer(loader, &root, offsetof(struct acpi_rsdp, rsdt_address), 4, base);
	table_loader_pointer(loader, &root, offsetof(struct acpi_rsdp, xsdt_address), 8, base);
	table_loader_checksum(loader, &root, offsetof(struct acpi_rsdp, checksum), 0,
			      ACPI_RSDP_V1_BYTES);
	table_loader_checksum(loader, &root, offsetof(struct acpi_rsdp, extended_checksum), 0,
			      sizeof(struct acpi_rsdp));
	/* the tables end with the XSDT, which acpi_tables_write writes last */
	return xsdt + table_loader_length(tables + xsdt);
}
