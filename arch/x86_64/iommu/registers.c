/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes an IOMMU's registers. They are functions of their own, so that unit tests can
 * put a model of an IOMMU in their place. Only this folder calls them, under the IOMMU's lock.
 */
#include "arch/x86_64/iommu/iommu.h"

#define IOMMU_ACCESS(bits)                                                                         \
	u##bits iommu_read##bits(const struct iommu *unit, u32 offset)                             \
	{                                                                                          \
		return *(volatile u##bits *)(unit->registers + offset);                            \
	}                                                                                          \
	void iommu_write##bits(const struct iommu *unit, u32 offset, u##bits value)                \
	{                                                                                          \
		*(volatile u##bits *)(unit->registers + offset) = value;                           \
	}

IOMMU_ACCESS(32)
IOMMU_ACCESS(64)
