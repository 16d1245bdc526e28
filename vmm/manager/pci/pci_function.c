/* SPDX-License-Identifier: MIT */
/*
 * Reads a function's header, capabilities and BARs, and answers questions about one function.
 * Called by pci_scan.c and by most files of this folder, iommu/ and disk/. Holds no state.
 */
#include "vmm/manager/pci/pci_function.h"

static void pci_read_header(struct pci_function *function)
{
	struct pci_address address = function->address;

	function->vendor = (u16)pci_read(address, PCI_VENDOR, 2);
	function->device = (u16)pci_read(address, PCI_DEVICE, 2);
	function->revision = (u8)pci_read(address, PCI_REVISION, 1);
	function->interface = (u8)pci_read(address, PCI_INTERFACE, 1);
	function->subclass = (u8)pci_read(address, PCI_SUBCLASS, 1);
	function->class = (u8)pci_read(address, PCI_CLASS, 1);
	function->header = (u8)(pci_read(address, PCI_HEADER_TYPE, 1) & PCI_HEADER_LAYOUT);
	function->interrupt_line = (u8)pci_read(address, PCI_INTERRUPT_LINE, 1);
	function->interrupt_pin = (u8)pci_read(address, PCI_INTERRUPT_PIN, 1);
	if (function->header == PCI_HEADER_FUNCTION) {
		function->subsystem_vendor = (u16)pci_read(address, PCI_SUBSYSTEM_VENDOR, 2);
		function->subsystem = (u16)pci_read(address, PCI_SUBSYSTEM, 2);
	} else {
		function->secondary_bus = (u8)pci_read(address, PCI_SECONDARY_BUS, 1);
		function->subordinate_bus = (u8)pci_read(address, PCI_SUBORDINATE_BUS, 1);
	}
}

bool pci_function_read(struct pci_address address, struct pci_function *function)
{
	if (pci_read(address, PCI_VENDOR, 2) == PCI_NOBODY)
		return false;
	*function = (struct pci_function){.address = address};
	pci_read_header(function);
	pci_capabilities_read(function);
	if (!pci_is_bridge(function))
		pci_bars_read(function);
	return true;
}

bool pci_is_bridge(const struct pci_function *function)
{
	return function->header != PCI_HEADER_FUNCTION || function->class == PCI_CLASS_BRIDGE;
}

bool pci_answers(const struct pci_function *function)
{
	return pci_read(function->address, PCI_VENDOR, 2) == function->vendor;
}

bool pci_has_dma(const struct pci_function *function)
{
	return (pci_read(function->address, PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER) != 0;
}

u32 pci_capability(const struct pci_function *function, enum pci_capability_id id)
{
	for (u32 i = 0; i < function->capability_count; i++) {
		if (function->capability[i].id == id &&
		    function->capability[i].offset < PCI_CONFIG_BYTES)
			return function->capability[i].offset;
	}
	return 0;
}
