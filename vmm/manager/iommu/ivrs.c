/* SPDX-License-Identifier: MIT */
/*
 * Reads ACPI's IVRS table (AMD): units, ranges of devices and reserved regions. Called by iommu.c;
 * holds no state, and checks every length.
 */
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/hw/acpi_dma.h"
#include "vmm/manager/iommu/iommu_table.h"

#define WIDE_BYTES	(ACPI_IVRS_UNIT_BYTES + 16)
#define ENTRY_BYTES_MIN 4u
#define NAMED_BYTES	22u
#define NAMED_LENGTH	21u

static bool ivrs_take(const u8 *from, u32 at, u32 bytes, void *to, u32 size)
{
	if (!range_within(at, size, bytes))
		return false;
	memcpy(to, from + at, size);
	return true;
}

static u16 ivrs_u16(const u8 *from)
{
	return (u16)(from[0] | from[1] << 8);
}

/*
 * Returns the length in bytes of a device entry, or 0 if it does not end within the `left` bytes.
 */
static u32 ivrs_entry_length(const u8 *entry, u32 left)
{
	u32 length;

	if (left < ENTRY_BYTES_MIN)
		return 0;
	length = ENTRY_BYTES_MIN << (entry[0] >> 6);
	if (entry[0] == ACPI_IVRS_NAMED)
		length = left > NAMED_LENGTH ? NAMED_BYTES + entry[NAMED_LENGTH] : ~0u;
	return length <= left ? length : 0;
}

/* The scope of an IOMMU, and the first device of a range whose last device was not read yet. */
struct ivrs_range {
	struct iommu_scope scope;
	bool begun;
};

static void ivrs_entry(const u8 *entry, struct ivrs_range *range, struct iommu_table *found)
{
	struct iommu_scope scope = range->scope;
	bool ends = entry[0] == ACPI_IVRS_LAST && range->begun;

	if (entry[0] == ACPI_IVRS_SPECIAL && entry[7] == ACPI_IVRS_SPECIAL_IOAPIC)
		iommu_table_ioapic(
			found, &(struct iommu_ioapic){entry[4], scope.owner, ivrs_u16(entry + 5)});
	scope.first = ivrs_u16(entry + 1);
	scope.last = scope.first;
	scope.aliased = false;
	switch (entry[0]) {
	case ACPI_IVRS_ALL:
		scope.first = 0;
		scope.last = 0xffff;
		break;
	case ACPI_IVRS_ALIAS_ONE:
	case ACPI_IVRS_ALIAS_FIRST:
		scope.aliased = true;
		scope.alias = ivrs_u16(entry + 5);
		if (entry[0] == ACPI_IVRS_ALIAS_ONE)
			break;
		*range = (struct ivrs_range){scope, true};
		return;
	case ACPI_IVRS_FIRST:
	case ACPI_IVRS_EXTENDED_FIRST:
		*range = (struct ivrs_range){scope, true};
		return;
	case ACPI_IVRS_LAST:
		scope = range->scope;
		scope.last = ivrs_u16(entry + 1);
		range->begun = false;
		break;
	case ACPI_IVRS_ONE:
	case ACPI_IVRS_EXTENDED_ONE:
		break;
	default:
		return;
	}
	if (scope.last < scope.first || (entry[0] == ACPI_IVRS_LAST && !ends))
		found->left_out++;
	else
		iommu_table_scope(found, &scope);
}

static void ivrs_unit(const u8 *from, u32 bytes, struct iommu_table *found)
{
	struct acpi_ivrs_unit entry;
	struct ivrs_range range = {.scope.kind = IOMMU_SCOPE_RANGE};
	u32 length = 0;
	u32 unit;

	if (!ivrs_take(from, 0, bytes, &entry, sizeof(entry)))
		return;
	unit = iommu_table_unit(found, &(struct iommu_entry){.registers = entry.registers,
							     .segment = entry.segment,
							     .function = entry.block.device,
							     .kind = IOMMU_AMDVI});
	if (unit == IOMMU_NONE)
		return;
	range.scope.owner = (u8)unit;
	range.scope.segment = entry.segment;
	for (u32 at = entry.block.type == ACPI_IVRS_UNIT ? ACPI_IVRS_UNIT_BYTES : WIDE_BYTES;
	     at < bytes; at += length) {
		length = ivrs_entry_length(from + at, bytes - at);
		if (length == 0) {
			found->left_out++;
			return;
		}
		ivrs_entry(from + at, &range, found);
	}
}

static void ivrs_region(const u8 *from, u32 bytes, struct iommu_table *found)
{
	struct acpi_ivrs_memory entry;
	struct iommu_scope scope = {.kind = IOMMU_SCOPE_RANGE, .reserved = true};
	u32 region;

	if (!ivrs_take(from, 0, bytes, &entry, sizeof(entry)) || entry.bytes == 0 ||
	    entry.bytes - 1 > ~0ull - entry.base)
		return;
	region = iommu_table_region(found, entry.base, entry.base + (entry.bytes - 1));
	if (region == IOMMU_NONE)
		return;
	scope.owner = (u8)region;
	scope.first = entry.block.type == ACPI_IVRS_MEMORY_ALL ? 0 : entry.block.device;
	scope.last = entry.block.type == ACPI_IVRS_MEMORY_ALL ? 0xffff : scope.first;
	if (entry.block.type == ACPI_IVRS_MEMORY_RANGE)
		scope.last = entry.last;
	if (scope.last < scope.first)
		found->left_out++;
	else
		iommu_table_scope(found, &scope);
}

void ivrs_parse(const u8 *table, u32 bytes, struct iommu_table *found)
{
	struct acpi_ivrs_block block;

	found->remap = true;
	for (u32 at = sizeof(struct acpi_ivrs); ivrs_take(table, at, bytes, &block, sizeof(block));
	     at += block.length) {
		if (block.length < sizeof(block) || block.length > bytes - at) {
			found->left_out++;
			return;
		}
		switch (block.type) {
		case ACPI_IVRS_UNIT:
		case ACPI_IVRS_UNIT_WIDE:
		case ACPI_IVRS_UNIT_NAMED:
			ivrs_unit(table + at, block.length, found);
			break;
		case ACPI_IVRS_MEMORY_ALL:
		case ACPI_IVRS_MEMORY:
		case ACPI_IVRS_MEMORY_RANGE:
			ivrs_region(table + at, block.length, found);
			break;
		}
	}
}
