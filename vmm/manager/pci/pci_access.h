/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The address of a function of the host: segment, bus, and device << 3 | function. */
struct pci_address {
	u16 segment;
	u8 bus;
	u8 function;
};

/* the length of an address as text: 0001:02:03.4, without a segment of 0 */
#define PCI_ADDRESS_BYTES 16u
void pci_address_text(struct pci_address address, char text[PCI_ADDRESS_BYTES]);
/* Reads an address; returns false if the text is none. */
bool pci_address_parse(const char *text, struct pci_address *address);
bool pci_address_equal(struct pci_address a, struct pci_address b);

/* A range of buses whose configuration space can be reached. */
struct pci_range {
	u16 segment;
	u8 first_bus;
	u8 last_bus;
	u64 base; /* the address in memory that bus 0 would have; 0: use ports */
};

/*
 * Sets *ranges to the ranges of buses and returns their number: from the MCFG, or by ports if that
 * has no entry for segment 0.
 */
u32 pci_access_init(const struct pci_range **ranges);

/*
 * Access an aligned configuration register of 1, 2 or 4 bytes. Where no function answers, or beyond
 * the 256 bytes that ports reach, reads return all ones and writes are lost.
 */
u32 pci_read(struct pci_address address, u32 offset, u32 bytes);
void pci_write(struct pci_address address, u32 offset, u32 bytes, u32 value);
