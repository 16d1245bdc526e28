/* SPDX-License-Identifier: MIT */
/*
 * Finds the host's UUID in the firmware's SMBIOS tables (DSP0134 3.4). Called by machine.c, which
 * maps memory for it. Holds no state; every length is checked.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/host/host_smbios.h"

/* 5.2: an anchor lies in this part of memory, at a multiple of 16 */
#define AREA_BEGIN     0xf0000u
#define AREA_BYTES     0x10000u
#define ANCHOR_STEP    16u
#define ANCHOR_BYTES   32u /* the least size of an anchor of either kind */
#define TABLE_MAX      (64 * KIB)
#define TYPE_SYSTEM    1u /* 7.2 */
#define SYSTEM_UUID_AT 8u
#define UUID_BYTES     16u

static u64 smbios_number(const u8 *at, u32 bytes)
{
	u64 number = 0;

	memcpy(&number, at, bytes);
	return number;
}

/* Returns whether an anchor lies there, and where the tables are according to it. */
static bool smbios_anchor(const u8 *at, u64 *table, u32 *bytes)
{
	/* 5.2.1 and 5.2.2: at[5] or at[6] is the length of the anchor, to which the sum applies */
	if (memcmp(at, "_SM3_", 5) == 0 && at[6] >= 24 && at[6] <= ANCHOR_BYTES &&
	    host_acpi_checksum_good(at, at[6])) {
		*bytes = (u32)smbios_number(at + 12, 4);
		*table = smbios_number(at + 16, 8);
		return true;
	}
	if (memcmp(at, "_SM_", 4) == 0 && memcmp(at + 16, "_DMI_", 5) == 0 &&
	    host_acpi_checksum_good(at + 16, 15)) {
		*bytes = (u32)smbios_number(at + 22, 2);
		*table = smbios_number(at + 24, 4);
		return true;
	}
	return false;
}

/* Returns the index behind a structure, its strings and the two zeros that end them (6.1.3). */
static u32 smbios_behind(const u8 *table, u32 bytes, u32 at)
{
	u32 end = at + table[at + 1];

	while (end + 2 <= bytes && (table[end] != 0 || table[end + 1] != 0))
		end++;
	return end + 2;
}

/* Copies the UUID of the structure about the system. Returns false if it has none. */
static bool smbios_find_uuid(const u8 *table, u32 bytes, u8 id[UUID_BYTES])
{
	u8 none[UUID_BYTES] = {0};
	u8 unset[UUID_BYTES];

	memset(unset, 0xff, sizeof(unset));
	for (u32 at = 0; at + 4 <= bytes && table[at + 1] >= 4;
	     at = smbios_behind(table, bytes, at)) {
		if (table[at] != TYPE_SYSTEM || table[at + 1] < SYSTEM_UUID_AT + UUID_BYTES ||
		    at + SYSTEM_UUID_AT + UUID_BYTES > bytes)
			continue;
		memcpy(id, table + at + SYSTEM_UUID_AT, UUID_BYTES);
		return memcmp(id, none, sizeof(none)) != 0 && memcmp(id, unset, sizeof(unset)) != 0;
	}
	return false;
}

bool host_smbios_uuid(host_acpi_read *read, void *context, u8 id[16])
{
	const u8 *area = read(context, AREA_BEGIN, AREA_BYTES);
	const u8 *tables;
	u64 table = 0;
	u32 bytes = 0;
	u32 at = 0;

	if (area == NULL)
		return false;
	while (at + ANCHOR_BYTES <= AREA_BYTES && !smbios_anchor(area + at, &table, &bytes))
		at += ANCHOR_STEP;
	if (at + ANCHOR_BYTES > AREA_BYTES || bytes == 0)
		return false;
	bytes = MIN(bytes, (u32)TABLE_MAX);
	tables = read(context, table, bytes);
	return tables != NULL && smbios_find_uuid(tables, bytes, id);
}
