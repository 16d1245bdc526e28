/* SPDX-License-Identifier: MIT */
/*
 * Reads ACPI's DMAR table (Intel): units, scopes and reserved regions. Called by iommu.c; holds no
 * state, and checks every length.
 */
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/hw/acpi_dma.h"
#include "vmm/manager/iommu/iommu_table.h"

/*
 * Copies to `to` the `size` bytes at offset `at` of a structure of `bytes` bytes; returns false if
 * they are not all there.
 */
static bool dmar_take(const u8 *from, u32 at, u32 bytes, void *to, u32 size)
{
	if (!range_within(at, size, bytes))
		return false;
	memcpy(to, from + at, size);
	return true;
}

static void dmar_scope(const u8 *pairs, u32 count, const struct acpi_dmar_scope *entry,
		       struct iommu_scope scope, struct iommu_table *found)
{
	/* an I/O APIC behind a bridge is left out, as hosts have none there */
	if (entry->type == ACPI_DMAR_IOAPIC && count == 1 && !scope.reserved)
		iommu_table_ioapic(found, &(struct iommu_ioapic){entry->enumeration, scope.owner,
								 (u16)(entry->bus << 8 |
								       (pairs[0] & 0x1f) << 3 |
								       (pairs[1] & 7))});
	if (entry->type != ACPI_DMAR_FUNCTION && entry->type != ACPI_DMAR_BRIDGE)
		return; /* timers, and devices that only AML names, are left out */
	if (count == 0 || count > IOMMU_PATH_MAX) {
		found->left_out++;
		return;
	}
	scope.kind = entry->type == ACPI_DMAR_BRIDGE ? IOMMU_SCOPE_BRIDGE : IOMMU_SCOPE_FUNCTION;
	scope.bus = entry->bus;
	scope.path_count = (u8)count;
	for (u32 i = 0; i < count; i++, pairs += 2)
		scope.path[i] = (u8)((pairs[0] & 0x1f) << 3 | (pairs[1] & 7));
	iommu_table_scope(found, &scope);
}

/* Reads the scopes, the lists of devices, of an IOMMU or a reserved region, from offset `at` on. */
static void dmar_scopes(const u8 *from, u32 at, u32 bytes, const struct iommu_scope *scope,
			struct iommu_table *found)
{
	struct acpi_dmar_scope entry;

	for (; dmar_take(from, at, bytes, &entry, sizeof(entry)); at += entry.length) {
		if (entry.length < sizeof(entry) || entry.length > bytes - at) {
			found->left_out++;
			return;
		}
		dmar_scope(from + at + sizeof(entry), (entry.length - (u32)sizeof(entry)) / 2,
			   &entry, *scope, found);
	}
}

static void dmar_unit(const u8 *from, u32 bytes, struct iommu_table *found)
{
	struct acpi_dmar_unit entry;
	struct iommu_scope scope = {.kind = IOMMU_SCOPE_REST};
	u32 unit;

	if (!dmar_take(from, 0, bytes, &entry, sizeof(entry)))
		return;
	unit = iommu_table_unit(found, &(struct iommu_entry){.registers = entry.registers,
							     .segment = entry.segment,
							     .kind = IOMMU_VTD});
	if (unit == IOMMU_NONE)
		return;
	scope.owner = (u8)unit;
	scope.segment = entry.segment;
	if ((entry.flags & ACPI_DMAR_ALL) != 0)
		iommu_table_scope(found, &scope);
	dmar_scopes(from, sizeof(entry), bytes, &scope, found);
}

static void dmar_region(const u8 *from, u32 bytes, struct iommu_table *found)
{
	struct acpi_dmar_reserved entry;
	struct iommu_scope scope = {.reserved = true};
	u32 region;

	if (!dmar_take(from, 0, bytes, &entry, sizeof(entry)))
		return;
	region = iommu_table_region(found, entry.base, entry.last);
	if (region == IOMMU_NONE)
		return;
	scope.owner = (u8)region;
	scope.segment = entry.segment;
	dmar_scopes(from, sizeof(entry), bytes, &scope, found);
}

void dmar_parse(const u8 *table, u32 bytes, struct iommu_table *found)
{
	struct acpi_dmar_entry entry;
	struct acpi_dmar head;

	if (dmar_take(table, 0, bytes, &head, sizeof(head)))
		found->remap = (head.flags & ACPI_DMAR_REMAP) != 0;
	for (u32 at = sizeof(struct acpi_dmar); dmar_take(table, at, bytes, &entry, sizeof(entry));
	     at += entry.length) {
		if (entry.length < sizeof(entry) || entry.length > bytes - at) {
			found->left_out++;
			return;
		}
		if (entry.type == ACPI_DMAR_UNIT)
			dmar_unit(table + at, entry.length, found);
		else if (entry.type == ACPI_DMAR_RESERVED)
			dmar_region(table + at, entry.length, found);
	}
}
