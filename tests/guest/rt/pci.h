/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/guest/rt/rt.h"
#include "vmm/hw/pci.h"

/* Bus 0's configuration space, by ports and, where MCFG says so, by memory. */
u32 pci_get(u32 slot, u32 offset, u32 size);
void pci_put(u32 slot, u32 offset, u32 size, u32 value);
/* returns the address of a function's configuration space; 0: there is no MCFG */
word pci_ecam(u32 slot, u32 offset);

#define PCI_NO_SLOT 32u
/* The first function 0 of that vendor and device, PCI_NO_SLOT when there is none. */
u32 pci_find(u32 vendor, u32 device);
/* The next capability of that kind after the one at `after`, 0 for the first; 0: no more. */
u32 pci_capability(u32 slot, u32 identifier, u32 after);
/* Returns where a BAR is. */
u64 pci_bar(u32 slot, u32 number);
/* sets the address of a 64-bit BAR in memory */
void pci_set_bar(u32 slot, u32 number, u64 address);
