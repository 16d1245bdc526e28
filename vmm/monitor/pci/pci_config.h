/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The header of a function's configuration space, PCI 3.0, 6.1. */
enum pci_register {
	PCI_VENDOR = 0x00,
	PCI_DEVICE = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08,
	PCI_CLASS = 0x09, /* three bytes, the interface first */
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR_FIRST = 0x10, /* six of four bytes */
	PCI_SUBSYSTEM_VENDOR = 0x2c,
	PCI_SUBSYSTEM = 0x2e,
	PCI_CAPABILITIES = 0x34,
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d,
	PCI_HEADER_END = 0x40,
};

#define PCI_CONFIG_BYTES 256u

/* 6.2.2 */
#define PCI_COMMAND_IO	     (1u << 0)
#define PCI_COMMAND_MEMORY   (1u << 1)
#define PCI_COMMAND_MASTER   (1u << 2)
#define PCI_COMMAND_INTX_OFF (1u << 10)

/* 6.2.3 */
#define PCI_STATUS_INTX		(1u << 3)
#define PCI_STATUS_CAPABILITIES (1u << 4)

/* 6.2.5.1 */
#define PCI_BAR_IS_PORTS 0x1u
#define PCI_BAR_IS_64	 0x4u

/* Capability identifiers, appendix H; each starts with its identifier and where the next one is. */
#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_MSIX   0x11u

/* MSI-X, 6.8.2: the capability ... */
#define MSIX_CONTROL	      2u /* offset of the two bytes; the count less 1 in the lowest bits */
#define MSIX_CONTROL_MASK_ALL (1u << 14)
#define MSIX_CONTROL_ENABLE   (1u << 15)
#define MSIX_TABLE	      4u /* offset, and in the lowest three bits the BAR */
#define MSIX_PENDING	      8u
#define MSIX_CAP_BYTES	      12u
/* ... and an entry of the table. */
#define MSIX_ENTRY_BYTES  16u
#define MSIX_ENTRY_MASKED (1u << 0)
