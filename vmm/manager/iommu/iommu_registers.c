/* SPDX-License-Identifier: MIT */
/* Reads and writes a unit's registers. Called by iommu_log.c; holds no state. */
#include "vmm/manager/iommu/iommu_registers.h"

static volatile void *iommu_registers_at(const struct pci_memory *registers, u32 offset)
{
	return (volatile u8 *)registers->at + offset;
}

u32 iommu_registers_read32(const struct pci_memory *registers, u32 offset)
{
	return *(volatile u32 *)iommu_registers_at(registers, offset);
}

u64 iommu_registers_read64(const struct pci_memory *registers, u32 offset)
{
	return *(volatile u64 *)iommu_registers_at(registers, offset);
}

void iommu_registers_write32(const struct pci_memory *registers, u32 offset, u32 value)
{
	*(volatile u32 *)iommu_registers_at(registers, offset) = value;
}

void iommu_registers_write64(const struct pci_memory *registers, u32 offset, u64 value)
{
	*(volatile u64 *)iommu_registers_at(registers, offset) = value;
}
