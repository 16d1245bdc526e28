/* SPDX-License-Identifier: MIT */
/*
 * Adds entries to the table of IOMMUs and leaves out impossible ones. Called by dmar.c and ivrs.c.
 * Holds no state beyond the given table.
 */
#include "vmm/manager/iommu/iommu_table.h"
#include "lib/bits.h"

/*
 * Device addresses have 48 bits; a reserved region is 1 GiB at most, as those for displays have
 * some 100 MiB.
 */
#define ADDRESS_END BIT(48)
#define REGION_MAX  (1024 * MIB)

u32 iommu_table_unit(struct iommu_table *found, const struct iommu_entry *unit)
{
	for (u32 i = 0; i < found->unit_count; i++) {
		if (found->unit[i].registers == unit->registers)
			/*
			 * the IOMMU is in the table already: AMD's tables name each unit once in
			 * every form
			 */
			return IOMMU_NONE;
	}
	if (found->unit_count == IOMMU_UNITS_MAX || unit->registers == 0 ||
	    unit->registers % PAGE_SIZE != 0) {
		found->left_out++;
		return IOMMU_NONE;
	}
	found->unit[found->unit_count] = *unit;
	return found->unit_count++;
}

u32 iommu_table_region(struct iommu_table *found, u64 base, u64 last)
{
	u64 first = align_down(base, PAGE_SIZE);

	if (found->region_count == IOMMU_RESERVED_MAX || last < base || last >= ADDRESS_END ||
	    last - first >= REGION_MAX) {
		found->left_out++;
		return IOMMU_NONE;
	}
	found->region[found->region_count] =
		(struct iommu_region){first, align_up(last + 1, PAGE_SIZE) - first};
	return found->region_count++;
}

void iommu_table_scope(struct iommu_table *found, const struct iommu_scope *scope)
{
	if (found->scope_count == IOMMU_SCOPES_MAX)
		found->left_out++;
	else
		found->scope[found->scope_count++] = *scope;
}

/*
 * Adds an I/O APIC, once: IVRS may describe an IOMMU several times, in forms for older and newer
 * readers.
 */
void iommu_table_ioapic(struct iommu_table *found, const struct iommu_ioapic *ioapic)
{
	for (u32 i = 0; i < found->ioapic_count; i++) {
		if (found->ioapic[i].id == ioapic->id)
			return;
	}
	if (found->ioapic_count == IOMMU_IOAPICS_MAX)
		found->left_out++;
	else
		found->ioapic[found->ioapic_count++] = *ioapic;
}
