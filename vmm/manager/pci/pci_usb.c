/* SPDX-License-Identifier: MIT */
/*
 * Takes USB controllers from the firmware, which drives keyboards by SMIs until it is asked to
 * stop: xHCI 1.1, 7.1; EHCI 1.0, 2.1.7; OHCI 1.0a, 5.1.1.3.3; UHCI 1.1, 5.2.1. Called by pci.c at
 * the start; holds no state.
 */
#include "vmm/manager/pci/pci.h"
#include "vmm/manager/pci/pci_memory.h"
#include "vmm/rt/clock.h"

#define HAND_OFF_NS NS_PER_S

/* USBLEGSUP, of xHCI and EHCI; the next word has the SMIs */
#define LEGACY_ID	1u
#define LEGACY_FIRMWARE (1u << 16)
#define LEGACY_SYSTEM	(1u << 24)
#define XHCI_SMI_ENABLE 0x0000e011u
/* bits of the events that cause the xHCI's SMIs, cleared by writing ones */
#define XHCI_SMI_EVENTS 0xe0000000u

#define XHCI_HCCPARAMS1	 0x10u
#define EHCI_HCCPARAMS	 0x08u
#define CAPABILITIES_MAX 64u

#define OHCI_CONTROL 0x04u
#define OHCI_COMMAND 0x08u
/* InterruptRouting: the firmware owns the OHCI and gets its interrupts as SMIs */
#define OHCI_SMI    (1u << 8)
#define OHCI_CHANGE (1u << 3) /* OwnershipChangeRequest: asks the firmware for the OHCI */

#define UHCI_LEGACY 0xc0u
/* value of the legacy register that turns all of the UHCI's SMIs off and clears all events */
#define UHCI_LEGACY_OFF 0x8f00u

static u32 pci_usb_read32(const struct pci_memory *memory, u32 offset)
{
	return *(volatile u32 *)((volatile u8 *)memory->at + offset);
}

static void pci_usb_write32(const struct pci_memory *memory, u32 offset, u32 value)
{
	*(volatile u32 *)((volatile u8 *)memory->at + offset) = value;
}

/*
 * Returns the offset of the xHCI's capability for legacy support (USBLEGSUP), or 0 if there is
 * none.
 */
static u32 pci_usb_xhci_legacy(const struct pci_memory *memory)
{
	u32 next = pci_usb_read32(memory, XHCI_HCCPARAMS1) >> 16;
	u32 offset = 0;

	for (u32 i = 0; next != 0 && i < CAPABILITIES_MAX; i++) {
		u32 word;

		offset += next * 4;
		if (offset > memory->bytes - 8)
			return 0;
		word = pci_usb_read32(memory, offset);
		if ((word & 0xff) == LEGACY_ID)
			return offset;
		next = word >> 8 & 0xff;
	}
	return 0;
}

static const char *pci_usb_xhci(const struct pci_memory *memory)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(HAND_OFF_NS);
	u32 legacy = pci_usb_xhci_legacy(memory);
	const char *problem = NULL;

	if (legacy == 0)
		return NULL;
	pci_usb_write32(memory, legacy, pci_usb_read32(memory, legacy) | LEGACY_SYSTEM);
	while ((pci_usb_read32(memory, legacy) & LEGACY_FIRMWARE) != 0 && problem == NULL) {
		if (clock_tsc() >= deadline)
			problem = "the firmware does not give up this USB controller";
	}
	pci_usb_write32(memory, legacy + 4,
			(pci_usb_read32(memory, legacy + 4) & ~XHCI_SMI_ENABLE) | XHCI_SMI_EVENTS);
	return problem;
}

/* Has the firmware hand over an EHCI controller; its legacy support is in configuration space. */
static const char *pci_usb_ehci(const struct pci_function *function,
				const struct pci_memory *memory)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(HAND_OFF_NS);
	u32 legacy = pci_usb_read32(memory, EHCI_HCCPARAMS) >> 8 & 0xff;
	struct pci_address address = function->address;
	const char *problem = NULL;

	if (legacy < PCI_CAP_FIRST || legacy % 4 != 0 ||
	    (pci_read(address, legacy, 4) & 0xff) != LEGACY_ID)
		return NULL;
	pci_write(address, legacy, 4, pci_read(address, legacy, 4) | LEGACY_SYSTEM);
	while ((pci_read(address, legacy, 4) & LEGACY_FIRMWARE) != 0 && problem == NULL) {
		if (clock_tsc() >= deadline)
			problem = "the firmware does not give up this USB controller";
	}
	pci_write(address, legacy + 4, 4, 0);
	return problem;
}

static const char *pci_usb_ohci(const struct pci_memory *memory)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(HAND_OFF_NS);

	if ((pci_usb_read32(memory, OHCI_CONTROL) & OHCI_SMI) == 0)
		return NULL;
	pci_usb_write32(memory, OHCI_COMMAND, OHCI_CHANGE);
	while ((pci_usb_read32(memory, OHCI_CONTROL) & OHCI_SMI) != 0) {
		if (clock_tsc() >= deadline)
			return "the firmware does not give up this USB controller";
	}
	return NULL;
}

/*
 * Has the firmware hand over a USB controller. Firmware that uses one has its decoding on: one
 * without is in no use.
 */
const char *pci_usb_hand_off(const struct pci_function *function)
{
	const struct pci_bar *bar = &function->bar[0];
	const char *problem = NULL;
	struct pci_memory memory;

	if (function->interface == PCI_USB_UHCI) {
		pci_write(function->address, UHCI_LEGACY, 2, UHCI_LEGACY_OFF);
		return NULL;
	}
	if ((pci_read(function->address, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) == 0 ||
	    bar->kind < PCI_BAR_32BIT || bar->address == 0)
		return NULL;
	if (!pci_memory_open(bar->address, MIN(bar->size, 64 * KIB), &memory))
		return "its registers cannot be reached";
	if (function->interface == PCI_USB_XHCI)
		problem = pci_usb_xhci(&memory);
	else if (function->interface == PCI_USB_EHCI)
		problem = pci_usb_ehci(function, &memory);
	else if (function->interface == PCI_USB_OHCI)
		problem = pci_usb_ohci(&memory);
	pci_memory_close(&memory);
	return problem;
}
