/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the AHCI registers that the manager has mapped. The other files of the AHCI
 * driver call it; unit tests replace it by a model of the controller.
 */
#include "vmm/driver/disk/ahci/ahci.h"

u32 ahci_read(const struct ahci *ahci, u32 offset)
{
	return *(volatile u32 *)(ahci->registers + offset);
}

void ahci_write(const struct ahci *ahci, u32 offset, u32 value)
{
	*(volatile u32 *)(ahci->registers + offset) = value;
}
