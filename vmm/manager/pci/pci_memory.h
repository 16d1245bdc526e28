/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A device's registers, mapped while the manager itself uses them. */
struct pci_memory {
	volatile void *at; /* the first byte that was asked for, as mapped */
	u64 page;
	u64 bytes;
};

/*
 * Maps registers at a physical address; returns false if that is no device's memory, or there is no
 * room for the mapping.
 */
bool pci_memory_open(u64 hpa, u64 bytes, struct pci_memory *memory);
void pci_memory_close(struct pci_memory *memory);
