/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/pci/pci_function.h"

#define PCI_FUNCTIONS_MAX 512u

/* What a look at all buses found, in the order of their addresses within a tree of buses. */
struct pci_scan {
	struct pci_function *function; /* room for PCI_FUNCTIONS_MAX */
	u32 count;
	u32 left_out;  /* there was no room for them */
	u32 bus_count; /* on which something answered */
	/* of the segment's buses */
	bool seen[PCI_BUSES]; /* looked at, or behind a bridge */
	u8 behind[PCI_BUSES]; /* the last bus on the way there that is known */
	u8 last[PCI_BUSES];   /* of one that waits to be looked at: the last one behind it */
	bool waits[PCI_BUSES];
};

/*
 * Looks at the range's buses: from the first one, and from each that answers although no bridge
 * leads there, down all bridges. Every bus is looked at once at most.
 */
void pci_scan_range(struct pci_scan *scan, const struct pci_range *range);
