/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/iommu/dmar.c"
#include "vmm/manager/iommu/iommu_table.c"
#include "vmm/manager/iommu/ivrs.c"

static void fuzz_scope_check(const struct iommu_table *found, const struct iommu_scope *scope)
{
	CHECK_THAT(scope->owner < (scope->reserved ? found->region_count : found->unit_count));
	if (scope->kind == IOMMU_SCOPE_RANGE)
		CHECK_THAT(scope->first <= scope->last);
	else if (scope->kind != IOMMU_SCOPE_REST)
		CHECK_THAT(scope->path_count >= 1 && scope->path_count <= IOMMU_PATH_MAX);
	CHECK_THAT(scope->kind != IOMMU_SCOPE_REST || !scope->reserved);
}

/* A table of any bytes: what comes of it is bounded and can be true. */
static void fuzz_table(const u8 *bytes, size_t size,
		       void (*parse)(const u8 *table, u32 bytes, struct iommu_table *found))
{
	static struct iommu_table found;
	u8 *table = malloc(size == 0 ? 1 : size);

	memcpy(table, bytes, size);
	memset(&found, 0, sizeof(found));
	parse(table, (u32)size, &found);
	free(table);
	CHECK_THAT(found.unit_count <= IOMMU_UNITS_MAX);
	CHECK_THAT(found.scope_count <= IOMMU_SCOPES_MAX);
	CHECK_THAT(found.region_count <= IOMMU_RESERVED_MAX);
	CHECK_THAT(found.ioapic_count <= IOMMU_IOAPICS_MAX);
	for (u32 i = 0; i < found.ioapic_count; i++)
		CHECK_THAT(found.ioapic[i].owner < found.unit_count);
	for (u32 i = 0; i < found.unit_count; i++) {
		CHECK_THAT(found.unit[i].registers != 0 &&
			   found.unit[i].registers % PAGE_SIZE == 0);
		for (u32 j = 0; j < i; j++)
			CHECK_THAT(found.unit[i].registers != found.unit[j].registers);
	}
	for (u32 i = 0; i < found.region_count; i++) {
		const struct iommu_region *region = &found.region[i];

		CHECK_THAT(region->base % PAGE_SIZE == 0 && region->bytes % PAGE_SIZE == 0);
		CHECK_THAT(region->bytes != 0 && region->bytes <= REGION_MAX);
		CHECK_THAT(region->base < ADDRESS_END &&
			   region->bytes <= ADDRESS_END - region->base);
	}
	for (u32 i = 0; i < found.scope_count; i++)
		fuzz_scope_check(&found, &found.scope[i]);
}
