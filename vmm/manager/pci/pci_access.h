/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Where a function of the host is: segment, bus, and device << 3 | function. */
struct pci_address {
	u16 segment;
	u8 bus;
	u8 function;
};

#define PCI_ADDRESS_BYTES 16u /* as text: 0001:02:03.4, without the segment where it is 0 */
void pci_address_text(struct pci_address address, char text[PCI_ADDRESS_BYTES]);
/* False: the text is not such an address. */
bool pci_address_parse(const char *text, struct pci_address *address);
bool pci_address_equal(struct pci_address a, struct pci_address b);

/* Some buses that configuration space can be read of. */
struct pci_range {
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	u64 base; /* of bus 0 in memory; 0: by ports */
};

/* What there is, from the MCFG or, where that says nothing of segment 0, by ports. */
u32 pci_access_init(const struct pci_range **ranges);

/*
 * A register of 1, 2 or 4 bytes, aligned. Where nothing is, all bits are set; beyond the 256 bytes
 * that ports reach too. Writes there are lost.
 */
u32 pci_read(struct pci_address address, u32 offset, u32 bytes);
void pci_write(struct pci_address address, u32 offset, u32 bytes, u32 value);
