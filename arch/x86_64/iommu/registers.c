/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/iommu/iommu.h"

u32 iommu_read32(const struct iommu *unit, u32 offset)
{
	return *(volatile u32 *)(unit->registers + offset);
}

void iommu_write32(const struct iommu *unit, u32 offset, u32 value)
{
	*(volatile u32 *)(unit->registers + offset) = value;
}

u64 iommu_read64(const struct iommu *unit, u32 offset)
{
	return *(volatile u64 *)(unit->registers + offset);
}

void iommu_write64(const struct iommu *unit, u32 offset, u64 value)
{
	*(volatile u64 *)(unit->registers + offset) = value;
}
