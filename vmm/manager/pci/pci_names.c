/* SPDX-License-Identifier: MIT */
/* Names classes and capabilities of PCI functions. Called by the command `pci`; holds no state. */
#include "vmm/manager/pci/pci.h"

#define ANY 0xffu

/*
 * PCI Code and ID Assignment 1.11. Of the rows of names the first that fits a function counts, so
 * special ones stand before ANY.
 */
static const struct {
	u8 class, subclass, interface;
	const char *name;
} classes[] = {
	{0x00, 0x01, ANY, "VGA-compatible device"},
	{0x00, ANY, ANY, "device of no class"},
	{0x01, 0x00, ANY, "SCSI controller"},
	{0x01, 0x01, ANY, "IDE controller"},
	{0x01, 0x04, ANY, "RAID controller"},
	{0x01, 0x06, 0x01, "SATA controller, AHCI"},
	{0x01, 0x06, ANY, "SATA controller"},
	{0x01, 0x07, ANY, "SAS controller"},
	{0x01, 0x08, 0x02, "NVMe controller"},
	{0x01, 0x08, ANY, "non-volatile memory controller"},
	{0x01, ANY, ANY, "mass storage controller"},
	{0x02, 0x00, ANY, "Ethernet controller"},
	{0x02, ANY, ANY, "network controller"},
	{0x03, 0x00, ANY, "VGA controller"},
	{0x03, ANY, ANY, "display controller"},
	{0x04, 0x03, ANY, "audio device"},
	{0x04, ANY, ANY, "multimedia device"},
	{0x05, ANY, ANY, "memory controller"},
	{0x06, 0x00, ANY, "host bridge"},
	{0x06, 0x01, ANY, "ISA bridge"},
	{0x06, 0x04, ANY, "PCI bridge"},
	{0x06, 0x07, ANY, "CardBus bridge"},
	{0x06, ANY, ANY, "bridge"},
	{0x07, 0x00, ANY, "serial controller"},
	{0x07, ANY, ANY, "communication controller"},
	{0x08, 0x05, ANY, "SD host controller"},
	{0x08, 0x06, ANY, "IOMMU"},
	{0x08, ANY, ANY, "system peripheral"},
	{0x09, ANY, ANY, "input device"},
	{0x0b, ANY, ANY, "processor"},
	{0x0c, 0x03, PCI_USB_UHCI, "USB controller, UHCI"},
	{0x0c, 0x03, PCI_USB_OHCI, "USB controller, OHCI"},
	{0x0c, 0x03, PCI_USB_EHCI, "USB controller, EHCI"},
	{0x0c, 0x03, PCI_USB_XHCI, "USB controller, xHCI"},
	{0x0c, 0x03, ANY, "USB controller"},
	{0x0c, 0x05, ANY, "SMBus controller"},
	{0x0c, ANY, ANY, "serial bus controller"},
	{0x0d, ANY, ANY, "wireless controller"},
	{0x10, ANY, ANY, "encryption controller"},
	{0x11, ANY, ANY, "signal processing controller"},
	{0x12, ANY, ANY, "processing accelerator"},
	{ANY, ANY, ANY, "device of another class"},
};

const char *pci_class_name(const struct pci_function *function)
{
	u32 i = 0;

	while (i < ARRAY_COUNT(classes) - 1 &&
	       ((classes[i].class != function->class) ||
		(classes[i].subclass != ANY && classes[i].subclass != function->subclass) ||
		(classes[i].interface != ANY && classes[i].interface != function->interface)))
		i++;
	return classes[i].name;
}

static const struct {
	u16 id;
	const char *name;
} standard[] =
	{
		{0x01, "power management"},
		{0x02, "AGP"},
		{0x03, "vital product data"},
		{0x04, "slot"},
		{0x05, "MSI"},
		{0x08, "HyperTransport"},
		{0x09, "vendor's"},
		{0x0a, "debug port"},
		{0x0c, "hot-plug"},
		{0x0d, "subsystem"},
		{0x0f, "secure device"},
		{0x10, "PCI Express"},
		{0x11, "MSI-X"},
		{0x12, "SATA"},
		{0x13, "advanced features"},
		{0x14, "enhanced allocation"},
},
  extended[] = {
	  {0x01, "error reporting"},
	  {0x02, "virtual channel"},
	  {0x03, "serial number"},
	  {0x04, "power budget"},
	  {0x0b, "vendor's"},
	  {0x0d, "access control"},
	  {0x0e, "alternative routing"},
	  {0x0f, "address translation"},
	  {0x10, "SR-IOV"},
	  {0x13, "page requests"},
	  {0x15, "resizable BAR"},
	  {0x17, "processing hints"},
	  {0x18, "latency tolerance"},
	  {0x19, "secondary PCI Express"},
	  {0x1b, "PASID"},
	  {0x1d, "downstream containment"},
	  {0x1e, "L1 substates"},
	  {0x25, "data link"},
	  {0x26, "16 GT/s"},
	  {0x27, "lane margining"},
};

const char *pci_capability_name(const struct pci_capability *capability)
{
	if (capability->offset < PCI_EXTENDED) {
		for (u32 i = 0; i < ARRAY_COUNT(standard); i++) {
			if (standard[i].id == capability->id)
				return standard[i].name;
		}
		return NULL;
	}
	for (u32 i = 0; i < ARRAY_COUNT(extended); i++) {
		if (extended[i].id == capability->id)
			return extended[i].name;
	}
	return NULL;
}
