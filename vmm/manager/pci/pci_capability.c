/* SPDX-License-Identifier: MIT */
/*
 * Reads the lists of a function's capabilities, which may be of any length and lead anywhere.
 * Called by pci_function.c; holds no state.
 */
#include "vmm/manager/pci/pci_function.h"

#define STANDARD_MAX ((PCI_CONFIG_BYTES - PCI_CAP_FIRST) / 4)
#define EXTENDED_MAX ((PCI_EXPRESS_BYTES - PCI_EXTENDED) / 8)

/*
 * Adds a capability. Those for which the list has no room are left out; those that drivers need
 * come first in practice.
 */
static void pci_add(struct pci_function *function, u32 offset, u32 id)
{
	if (function->capability_count < PCI_CAPABILITIES_MAX)
		function->capability[function->capability_count++] =
			(struct pci_capability){(u16)offset, (u16)id};
}

/* Returns how many bytes of the capability must lie in the first 256 of configuration space. */
static u32 pci_length_of(u32 id)
{
	switch (id) {
	case PCI_CAP_MSIX:
		return PCI_MSIX_BYTES;
	case PCI_CAP_MSI:
		return PCI_MSI_DATA_64 + 2;
	case PCI_CAP_EXPRESS:
		return PCI_EXPRESS_STATUS + 2;
	case PCI_CAP_AF:
		return PCI_AF_STATUS + 1;
	default:
		return 4;
	}
}

/* Reads the list of capabilities; returns why the list cannot be believed, or NULL. */
static const char *pci_read_standard(struct pci_function *function)
{
	struct pci_address address = function->address;
	u32 offset = pci_read(address, PCI_CAPABILITIES, 1) & PCI_CAP_NEXT;

	for (u32 i = 0; offset != 0; i++) {
		u32 word;

		if (offset < PCI_CAP_FIRST)
			return "its list of capabilities leads into the header";
		if (i == STANDARD_MAX)
			return "its list of capabilities has a loop";
		word = pci_read(address, offset, 4);
		if (word == ~0u)
			return "its list of capabilities leads to where nothing is";
		if (offset + pci_length_of(word & 0xff) > PCI_CONFIG_BYTES)
			return "a capability is cut off by the end of configuration space";
		pci_add(function, offset, word & 0xff);
		offset = word >> 8 & PCI_CAP_NEXT;
	}
	return NULL;
}

/*
 * Reads the list of extended capabilities. A first entry of 0 or of ones means that there is none
 * (PCI Express 7.9).
 */
static const char *pci_read_extended(struct pci_function *function)
{
	u32 offset = PCI_EXTENDED;

	for (u32 i = 0; offset != 0; i++) {
		u32 word = pci_read(function->address, offset, 4);

		if (i == 0 && (word == 0 || word == ~0u))
			return NULL;
		if (word == ~0u)
			return "its list of extended capabilities leads to where nothing is";
		pci_add(function, offset, (u32)(word & PCI_EXTENDED_ID));
		offset = (u32)((word & PCI_EXTENDED_NEXT) >> 20) & ~3u;
		if (offset != 0 && offset < PCI_EXTENDED)
			return "its list of extended capabilities leads into the first 256 bytes";
		if (i == EXTENDED_MAX)
			return "its list of extended capabilities has a loop";
	}
	return NULL;
}

void pci_capabilities_read(struct pci_function *function)
{
	if ((pci_read(function->address, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES) == 0)
		return;
	function->problem = pci_read_standard(function);
	if (function->problem == NULL && pci_capability(function, PCI_CAP_EXPRESS) != 0)
		function->problem = pci_read_extended(function);
	/*
	 * Use no capabilities at all: an incomplete list may lack one of several that belong
	 * together.
	 */
	if (function->problem != NULL)
		function->capability_count = 0;
}
