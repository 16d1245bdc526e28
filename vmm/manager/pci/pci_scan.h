/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/pci/pci_function.h"

#define PCI_FUNCTIONS_MAX 512u

/* The functions found on all buses, in the order of their addresses within a tree of buses. */
struct pci_scan {
	struct pci_function *function; /* room for PCI_FUNCTIONS_MAX */
	u32 count;
	u32 left_out;  /* number of functions without room */
	u32 bus_count; /* buses on which a function answered */
	/* For each bus of the segment: */
	bool seen[PCI_BUSES]; /* the bus was scanned, or is known to be behind a bridge */
	u8 behind[PCI_BUSES]; /* the last bus that is known to lie between the root and this bus */
	u8 last[PCI_BUSES];   /* for a bus that is to be scanned: the last bus behind it */
	bool waits[PCI_BUSES];
};

/*
 * Scans the range's buses: from the first one, and from each that answers although no bridge leads
 * there, down all bridges. Each bus is scanned at most once.
 */
void pci_scan_range(struct pci_scan *scan, const struct pci_range *range);
