/* SPDX-License-Identifier: MIT */
/*
 * Reads a function's base address registers and their sizes. Called by pci_function.c. Turns
 * decoding off meanwhile; holds no state.
 */
#include "vmm/manager/pci/pci_function.h"

/*
 * Returns a BAR's size by the bits that can be set: the address bits below the size cannot be (PCI
 * 3.0, 6.2.5.1).
 */
static u64 pci_size_of(u64 mask, u64 width)
{
	mask &= width;
	return mask == 0 ? 0 : mask & -mask;
}

/* Writes ones to a register, reads which ones stay, and restores the register. */
static u32 pci_probe(struct pci_address address, u32 offset)
{
	u32 before = pci_read(address, offset, 4);
	u32 mask;

	pci_write(address, offset, 4, ~0u);
	mask = pci_read(address, offset, 4);
	pci_write(address, offset, 4, before);
	return mask;
}

/* Reads one BAR; returns how many base address registers it takes, 1 or 2. */
static u32 pci_read_bar(const struct pci_function *function, u32 number, struct pci_bar *bar)
{
	u32 offset = PCI_BAR + 4 * number;
	u64 value = pci_read(function->address, offset, 4);
	u64 mask = pci_probe(function->address, offset);

	if ((mask & PCI_BAR_IO) != 0) {
		/* A 16-bit device has no upper address bits. */
		*bar = (struct pci_bar){.address = value & PCI_BAR_IO_ADDRESS,
					.size = pci_size_of(mask, PCI_BAR_IO_ADDRESS & 0xffff),
					.kind = PCI_BAR_PORTS};
		return 1;
	}
	*bar = (struct pci_bar){.kind = PCI_BAR_32BIT,
				.prefetchable = (mask & PCI_BAR_PREFETCHABLE) != 0};
	if ((mask & PCI_BAR_TYPE) == PCI_BAR_64 && number + 1 < PCI_BARS) {
		value |= (u64)pci_read(function->address, offset + 4, 4) << 32;
		mask |= (u64)pci_probe(function->address, offset + 4) << 32;
		bar->kind = PCI_BAR_64BIT;
	} else {
		mask &= ~0u;
	}
	bar->address = value & PCI_BAR_MEMORY_ADDRESS;
	bar->size = pci_size_of(mask, PCI_BAR_MEMORY_ADDRESS);
	return bar->kind == PCI_BAR_64BIT ? 2 : 1;
}

/*
 * Reads all BARs with decoding off, as nothing may answer at the addresses that the registers hold
 * during the reads.
 */
void pci_bars_read(struct pci_function *function)
{
	struct pci_address address = function->address;
	u32 command = pci_read(address, PCI_COMMAND, 2);

	pci_write(address, PCI_COMMAND, 2, command & ~(u32)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (u32 i = 0; i < PCI_BARS;) {
		struct pci_bar *bar = &function->bar[i];

		i += pci_read_bar(function, i, bar);
		if (bar->size == 0)
			*bar = (struct pci_bar){0};
	}
	pci_write(address, PCI_COMMAND, 2, command);
}
