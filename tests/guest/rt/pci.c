/* SPDX-License-Identifier: MIT */
/*
 * Accesses to PCI configuration space, by ports and by memory. Called by the guests that look for
 * PCI devices.
 */
#include "tests/guest/rt/pci.h"

#include "tests/guest/rt/devices.h"

#define ADDRESS_PORT 0xcf8u
#define DATA_PORT    0xcfcu
#define MCFG_BASE    44u

static u16 select(u32 slot, u32 offset)
{
	out32(ADDRESS_PORT, 0x80000000u | slot << 11 | (offset & 0xfc));
	return (u16)(DATA_PORT + (offset & 3));
}

u32 pci_get(u32 slot, u32 offset, u32 size)
{
	u16 port = select(slot, offset);

	return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

void pci_put(u32 slot, u32 offset, u32 size, u32 value)
{
	u16 port = select(slot, offset);

	if (size == 1)
		out8(port, (u8)value);
	else if (size == 2)
		out16(port, (u16)value);
	else
		out32(port, value);
}

word pci_ecam(u32 slot, u32 offset)
{
	word mcfg = acpi_find(0x4746434d); /* the signature "MCFG" */

	return mcfg != 0 ? *(const u32 *)(mcfg + MCFG_BASE) + (slot << 15) + offset : 0;
}

u32 pci_find(u32 vendor, u32 device)
{
	u32 slot = 0;

	while (slot < PCI_NO_SLOT && pci_get(slot, PCI_VENDOR, 4) != (vendor | device << 16))
		slot++;
	return slot;
}

u32 pci_capability(u32 slot, u32 identifier, u32 after)
{
	u32 at = pci_get(slot, after == 0 ? (u32)PCI_CAPABILITIES : after + 1, 1);

	while (at != 0 && pci_get(slot, at, 1) != identifier)
		at = pci_get(slot, at + 1, 1);
	return at;
}

u64 pci_bar(u32 slot, u32 number)
{
	u32 at = PCI_BAR + 4 * number;
	u32 low = pci_get(slot, at, 4);

	if ((low & PCI_BAR_IO) != 0)
		return low & ~3u;
	return (low & ~0xfu) | ((low & PCI_BAR_64) != 0 ? (u64)pci_get(slot, at + 4, 4) << 32 : 0);
}

void pci_set_bar(u32 slot, u32 number, u64 address)
{
	u32 at = PCI_BAR + 4 * number;

	pci_put(slot, at, 4, (u32)address);
	pci_put(slot, at + 4, 4, (u32)(address >> 32));
}
