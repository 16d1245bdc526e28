/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * Configuration space: PCI Local Bus 3.0, chapter 6 and appendix H; PCI-to-PCI bridges 1.2, 3.2;
 * PCI Express 3.0, chapter 7. Offsets are in bytes.
 */
#define PCI_CONFIG_BYTES    256u
#define PCI_EXPRESS_BYTES   4096u
#define PCI_DEVICES_PER_BUS 32u
#define PCI_FUNCTIONS	    8u
#define PCI_BUSES	    256u
/* the vendor ID that a missing function reads as */
#define PCI_NOBODY 0xffffu

/* The ports of configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2). */
#define PCI_PORT_ADDRESS 0xcf8u /* 32 bits: PCI_PORT_ENABLE, bus << 16, function << 8, register */
#define PCI_PORT_DATA	 0xcfcu
#define PCI_PORT_ENABLE	 BIT(31)

enum pci_register {
	PCI_VENDOR = 0x00,
	PCI_DEVICE = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08,
	PCI_INTERFACE = 0x09,
	PCI_SUBCLASS = 0x0a,
	PCI_CLASS = 0x0b,
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR = 0x10,
	PCI_SUBSYSTEM_VENDOR = 0x2c,
	PCI_SUBSYSTEM = 0x2e,
	PCI_CAPABILITIES = 0x34,
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d,
	/* Registers of a bridge. */
	PCI_PRIMARY_BUS = 0x18,
	PCI_SECONDARY_BUS = 0x19,
	PCI_SUBORDINATE_BUS = 0x1a,
	/* Registers that PCI Express adds. */
	PCI_EXTENDED = 0x100,
};

#define PCI_COMMAND_IO		BIT(0)
#define PCI_COMMAND_MEMORY	BIT(1)
#define PCI_COMMAND_BUS_MASTER	BIT(2)
#define PCI_COMMAND_INTX_OFF	BIT(10)
#define PCI_STATUS_INTX		BIT(3)
#define PCI_STATUS_CAPABILITIES BIT(4)

#define PCI_HEADER_MULTIFUNCTION BIT(7)
#define PCI_HEADER_LAYOUT	 BITS(6, 0)
enum pci_header { PCI_HEADER_FUNCTION, PCI_HEADER_BRIDGE, PCI_HEADER_CARDBUS };

/* Base address registers (PCI Local Bus 3.0, 6.2.5.1). */
#define PCI_BARS	       6u
#define PCI_BAR_IO	       BIT(0)
#define PCI_BAR_TYPE	       BITS(2, 1) /* field for the type of a memory BAR */
#define PCI_BAR_64	       (2ull << 1)
#define PCI_BAR_PREFETCHABLE   BIT(3)
#define PCI_BAR_IO_ADDRESS     BITS(31, 2)
#define PCI_BAR_MEMORY_ADDRESS BITS(63, 4)

/* Classes and subclasses of functions that Skerry looks for (PCI Local Bus 3.0, appendix D). */
enum pci_class {
	PCI_CLASS_STORAGE = 0x01,
	PCI_CLASS_BRIDGE = 0x06,
	PCI_CLASS_SYSTEM = 0x08,
	PCI_CLASS_SERIAL = 0x0c,
};
#define PCI_STORAGE_IDE	 0x01u
#define PCI_STORAGE_SATA 0x06u
#define PCI_STORAGE_NVME 0x08u
#define PCI_SYSTEM_IOMMU 0x06u
#define PCI_SERIAL_USB	 0x03u
enum pci_usb { PCI_USB_UHCI = 0x00, PCI_USB_OHCI = 0x10, PCI_USB_EHCI = 0x20, PCI_USB_XHCI = 0x30 };

/*
 * Identifiers of capabilities (PCI Local Bus 3.0, appendix H). A capability begins with its
 * identifier and the next one's offset, a byte each.
 */
enum pci_capability_id {
	PCI_CAP_POWER = 0x01,
	PCI_CAP_MSI = 0x05,
	PCI_CAP_VENDOR = 0x09,
	PCI_CAP_EXPRESS = 0x10,
	PCI_CAP_MSIX = 0x11,
	PCI_CAP_AF = 0x13,
};
#define PCI_CAP_FIRST 0x40u /* the lowest offset of a capability in configuration space */
#define PCI_CAP_NEXT  0xfcu /* bits of the offset of the next capability; bits 1:0 are reserved */

/* MSI: 6.8.1 */
enum pci_msi { /* offsets from the MSI capability */
	       PCI_MSI_CONTROL = 2,
	       PCI_MSI_ADDRESS = 4,
	       /* upper half of the message's address if PCI_MSI_64 is set, else its data */
	       PCI_MSI_ADDRESS_HIGH = 8,
	       PCI_MSI_DATA_32 = 8,
	       PCI_MSI_DATA_64 = 12,
};
#define PCI_MSI_ENABLE	BIT(0)
#define PCI_MSI_VECTORS BITS(6, 4) /* log 2 of the number of vectors that are enabled */
#define PCI_MSI_CAPABLE BITS(3, 1) /* log 2 of the vectors that the function could use at most */
#define PCI_MSI_64	BIT(7)

/* MSI-X: 6.8.2 */
enum pci_msix { /* offsets from the MSI-X capability */
		PCI_MSIX_CONTROL = 2,
		PCI_MSIX_TABLE = 4,
		PCI_MSIX_PENDING = 8,
		PCI_MSIX_BYTES = 12,
};
#define PCI_MSIX_SIZE	BITS(10, 0) /* number of entries of the MSI-X table, minus one */
#define PCI_MSIX_MASKED BIT(14)
#define PCI_MSIX_ENABLE BIT(15)
#define PCI_MSIX_BAR	BITS(2, 0)
#define PCI_MSIX_OFFSET BITS(31, 3)

struct pci_msix_entry {
	u32 address;
	u32 address_high;
	u32 data;
	u32 control; /* bit 0: the entry's interrupt is masked */
};
#define PCI_MSIX_ENTRY_BYTES 16u
_Static_assert(sizeof(struct pci_msix_entry) == PCI_MSIX_ENTRY_BYTES, "PCI 6.8.2");
#define PCI_MSIX_ENTRY_MASKED BIT(0)

/* The PCI Express capability (PCI Express 3.0, 7.8) */
enum pci_express { /* offsets from the PCI Express capability */
		   PCI_EXPRESS_CAPABILITY = 2,
		   PCI_EXPRESS_DEVICE = 4,
		   PCI_EXPRESS_CONTROL = 8,
		   PCI_EXPRESS_STATUS = 10,
};
/* value of the capability's bits 7:4: the function is a bridge to PCI */
#define PCI_EXPRESS_TO_PCI	7u
#define PCI_EXPRESS_FLR		BIT(28) /* bit of the device capabilities: function-level reset */
#define PCI_EXPRESS_CONTROL_FLR BIT(15)
/* bit of the device status: a request of the function was not answered yet */
#define PCI_EXPRESS_PENDING BIT(5)

/* The capability of advanced features (PCI ECN of 2006). */
enum pci_af { /* offsets from the capability of advanced features */
	      PCI_AF_CAPABILITIES = 3,
	      PCI_AF_CONTROL = 4,
	      PCI_AF_STATUS = 5,
};
/* the function can be reset by itself, and reports whether transactions are pending */
#define PCI_AF_HAS_FLR (BIT(0) | BIT(1))
#define PCI_AF_FLR     BIT(0)
#define PCI_AF_PENDING BIT(0)

/* Fields of an extended capability's header (PCI Express 3.0, 7.9.1). */
#define PCI_EXTENDED_ID	  BITS(15, 0)
#define PCI_EXTENDED_NEXT BITS(31, 20)
