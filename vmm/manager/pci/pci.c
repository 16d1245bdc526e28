/* SPDX-License-Identifier: MIT */
/*
 * Keeps the list of the host's PCI functions, gives them to drivers and turns their DMA on. Called
 * by main.c, driver/, disk/, net/, iommu/ and `pci`. Owns the list; writes command registers.
 */
#include "vmm/manager/pci/pci.h"
#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/pci/pci_scan.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static struct pci_scan scan;

u32 pci_count(void)
{
	return scan.count;
}

struct pci_function *pci_get(u32 number)
{
	return &scan.function[number];
}

struct pci_function *pci_find(struct pci_address address)
{
	for (u32 i = 0; i < scan.count; i++) {
		if (pci_address_equal(scan.function[i].address, address))
			return &scan.function[i];
	}
	return NULL;
}

struct pci_function *pci_find_class(const struct pci_function *after, u8 class, u8 subclass)
{
	u32 first = after == NULL ? 0 : (u32)(after - scan.function) + 1;

	for (u32 i = first; i < scan.count; i++) {
		if (scan.function[i].class == class && scan.function[i].subclass == subclass &&
		    !pci_is_bridge(&scan.function[i]))
			return &scan.function[i];
	}
	return NULL;
}

static void pci_say(const struct pci_function *function, const char *what)
{
	char address[PCI_ADDRESS_BYTES];

	pci_address_text(function->address, address);
	log_message(LOG_WARNING, LOG_DEVICE, "", "PCI %s: %s", address, what);
}

void pci_master_off(const struct pci_function *function)
{
	pci_write(function->address, PCI_COMMAND, 2,
		  pci_read(function->address, PCI_COMMAND, 2) & ~(u32)PCI_COMMAND_BUS_MASTER);
}

/* Turns off the function's bus mastering, and so its DMA; returns whether it was on. */
static bool pci_end_dma(const struct pci_function *function)
{
	u32 command = pci_read(function->address, PCI_COMMAND, 2);

	if ((command & PCI_COMMAND_BUS_MASTER) == 0)
		return false;
	pci_master_off(function);
	if ((pci_read(function->address, PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER) != 0)
		pci_say(function,
			"bus mastering cannot be switched off: it may write to any memory");
	return true;
}

/*
 * Takes a function from the firmware. A USB controller's hand-over comes before the end of DMA:
 * firmware that emulates a keyboard may hang without its controller's DMA.
 */
static u32 pci_take_over(struct pci_function *function)
{
	const char *problem = NULL;

	if (function->problem != NULL)
		pci_say(function, function->problem);
	if (pci_is_bridge(function))
		return 0;
	if (function->class == PCI_CLASS_SERIAL && function->subclass == PCI_SERIAL_USB)
		problem = pci_usb_hand_off(function);
	if (problem != NULL)
		pci_say(function, problem);
	return pci_end_dma(function);
}

void pci_init(void)
{
	const struct pci_range *ranges;
	u32 range_count = pci_access_init(&ranges);
	u32 ended = 0;
	u64 at;

	if (memory_map(align_up(PCI_FUNCTIONS_MAX * sizeof(struct pci_function), PAGE_SIZE), &at) !=
	    STATUS_OK)
		range_count = 0;
	scan.function = (struct pci_function *)at;
	for (u32 i = 0; i < range_count; i++)
		pci_scan_range(&scan, &ranges[i]);
	for (u32 i = 0; i < scan.count; i++)
		ended += pci_take_over(&scan.function[i]);
	if (scan.left_out > 0)
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "PCI: %u functions are left as they are, for there are more than %u",
			    scan.left_out, PCI_FUNCTIONS_MAX);
	log_message(LOG_INFO, LOG_DEVICE, "",
		    "PCI: %u functions, %u buses, found %s; %u used DMA, none does now", scan.count,
		    scan.bus_count, range_count > 0 && ranges[0].base != 0 ? "by ECAM" : "by ports",
		    ended);
}

/*
 * Returns whether the IOMMU cannot tell the function from another function that has a driver, as
 * both are behind one bridge to conventional PCI.
 */
static bool pci_shares_name(const struct pci_function *function)
{
	for (u32 i = 0; i < scan.count; i++) {
		const struct pci_function *other = &scan.function[i];

		if (other != function && other->driver[0] != '\0' && function->iommu != 0 &&
		    other->iommu == function->iommu && other->requester == function->requester)
			return true;
	}
	return false;
}

const char *pci_claim(struct pci_function *function, const char *driver)
{
	if (pci_is_bridge(function))
		return "it is a bridge";
	if (function->driver[0] != '\0')
		return "it has a driver";
	if (function->problem != NULL)
		return function->problem;
	if (pci_shares_name(function))
		return "to the IOMMU it is the same as another that has a driver";
	string_copy(function->driver, sizeof(function->driver), driver);
	if (function->iommu == 0)
		pci_say(function,
			"its driver is trusted with all memory: there is no IOMMU in use");
	return NULL;
}

void pci_release(struct pci_function *function)
{
	function->driver[0] = '\0';
}

enum status pci_bar_memory(const struct pci_function *function, u32 bar, handle_t *memory,
			   u64 *bytes)
{
	const struct pci_bar *found = &function->bar[bar];
	u64 table;

	if (bar >= PCI_BARS || (found->kind != PCI_BAR_32BIT && found->kind != PCI_BAR_64BIT))
		return STATUS_NOT_FOUND;
	/* A page of which another function has a part cannot be given to a driver. */
	if (found->address == 0 || found->address % PAGE_SIZE != 0 || found->size < PAGE_SIZE)
		return STATUS_BAD_ADDRESS;
	table = pci_msix_page(function, bar);
	*bytes = table != 0 ? table : found->size;
	return sys_memory_physical(start_handle(START_ROOT), found->address, *bytes,
				   MEMORY_UNCACHED, memory);
}

u16 pci_bar_ports(const struct pci_function *function, u32 bar, u32 count)
{
	const struct pci_bar *found = &function->bar[bar];

	if (bar >= PCI_BARS || found->kind != PCI_BAR_PORTS || found->size < count ||
	    found->address + found->size > 0x10000)
		return 0;
	return (u16)found->address;
}

/*
 * Enables the bridges above a function: their own bus mastering decides which accesses they pass
 * upwards (PCI-to-PCI bridges 1.2, 3.2.4.3).
 */
static void pci_enable_bridges(struct pci_address behind)
{
	for (u32 i = 0; i < scan.count; i++) {
		const struct pci_function *bridge = &scan.function[i];

		if (bridge->header != PCI_HEADER_BRIDGE ||
		    bridge->address.segment != behind.segment ||
		    behind.bus < bridge->secondary_bus || behind.bus > bridge->subordinate_bus)
			continue;
		pci_write(bridge->address, PCI_COMMAND, 2,
			  pci_read(bridge->address, PCI_COMMAND, 2) |
				  (u32)(PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER));
	}
}

void pci_enable(const struct pci_function *function)
{
	u32 command = pci_read(function->address, PCI_COMMAND, 2);

	for (u32 i = 0; i < PCI_BARS; i++) {
		if (function->bar[i].kind == PCI_BAR_PORTS)
			command |= (u32)PCI_COMMAND_IO;
		else if (function->bar[i].kind != PCI_BAR_NONE)
			command |= (u32)PCI_COMMAND_MEMORY;
	}
	pci_enable_bridges(function->address);
	pci_write(function->address, PCI_COMMAND, 2, command | (u32)PCI_COMMAND_BUS_MASTER);
}
