/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/pci/pci_memory.h"

/* Access an IOMMU's registers by their offsets in bytes. */
u32 iommu_registers_read32(const struct pci_memory *registers, u32 offset);
u64 iommu_registers_read64(const struct pci_memory *registers, u32 offset);
void iommu_registers_write32(const struct pci_memory *registers, u32 offset, u32 value);
void iommu_registers_write64(const struct pci_memory *registers, u32 offset, u64 value);
