/* SPDX-License-Identifier: MIT */
/*
 * Finds all functions of a range of buses. Which buses belong to a host bridge is known only from
 * AML, which Skerry does not read: so each bus is tried that is not behind a bridge. Called by
 * pci.c at the start; fills the given scan.
 */
#include "vmm/manager/pci/pci_scan.h"
#include "lib/string.h"

/*
 * Returns why a bridge's buses cannot be used, or NULL: their numbers must lie above that of its
 * own bus, within those behind its parent, and belong to no other bridge.
 */
static const char *pci_scan_bridge_problem(const struct pci_scan *scan,
					   const struct pci_function *bridge)
{
	u32 own = bridge->address.bus;

	if (bridge->secondary_bus == 0)
		return "the firmware gave this bridge no bus";
	if (bridge->secondary_bus <= own || bridge->subordinate_bus < bridge->secondary_bus ||
	    bridge->subordinate_bus > scan->last[own])
		return "the buses of this bridge are not behind it";
	for (u32 bus = bridge->secondary_bus; bus <= bridge->subordinate_bus; bus++) {
		if (scan->behind[bus] != own)
			return "the buses of this bridge are also another's";
	}
	return NULL;
}

static struct pci_function *pci_scan_find_function(struct pci_scan *scan,
						   struct pci_address address)
{
	static struct pci_function spare;
	struct pci_function *function =
		scan->count < PCI_FUNCTIONS_MAX ? &scan->function[scan->count] : &spare;

	if (!pci_function_read(address, function))
		return NULL;
	if (function == &spare)
		scan->left_out++;
	else
		scan->count++;
	return function;
}

static void pci_scan_follow_bridge(struct pci_scan *scan, struct pci_function *bridge)
{
	const char *problem = pci_scan_bridge_problem(scan, bridge);
	u8 first = bridge->secondary_bus;

	if (problem != NULL) {
		bridge->problem = bridge->problem != NULL ? bridge->problem : problem;
		return;
	}
	for (u32 bus = first; bus <= bridge->subordinate_bus; bus++) {
		scan->seen[bus] = true;
		scan->behind[bus] = first;
	}
	scan->last[first] = bridge->subordinate_bus;
	scan->waits[first] = true;
}

static void pci_scan_device(struct pci_scan *scan, struct pci_address address)
{
	u32 functions = 1;

	for (u32 i = 0; i < functions; i++, address.function++) {
		struct pci_function *function = pci_scan_find_function(scan, address);

		if (function == NULL && i == 0)
			return;
		if (i == 0 &&
		    (pci_read(address, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTIFUNCTION) != 0)
			functions = PCI_FUNCTIONS;
		if (function != NULL && function->header == PCI_HEADER_BRIDGE)
			pci_scan_follow_bridge(scan, function);
	}
}

/*
 * Scans a bus and all behind it. A bus behind another has a larger number: one pass in ascending
 * order finds all.
 */
static void pci_scan_tree(struct pci_scan *scan, u16 segment, u8 root, u8 last_bus)
{
	scan->seen[root] = true;
	scan->waits[root] = true;
	scan->last[root] = last_bus;
	for (u32 bus = root; bus <= last_bus; bus++) {
		if (!scan->seen[bus])
			scan->behind[bus] = root;
	}
	for (u32 bus = root; bus <= last_bus; bus++) {
		u32 before = scan->count + scan->left_out;

		if (!scan->waits[bus])
			continue;
		scan->waits[bus] = false;
		for (u32 device = 0; device < PCI_DEVICES_PER_BUS; device++)
			pci_scan_device(scan, (struct pci_address){segment, (u8)bus,
								   (u8)(device * PCI_FUNCTIONS)});
		scan->bus_count += scan->count + scan->left_out != before;
	}
}

static bool pci_scan_bus_answers(u16 segment, u32 bus)
{
	for (u32 device = 0; device < PCI_DEVICES_PER_BUS; device++) {
		struct pci_address address = {segment, (u8)bus, (u8)(device * PCI_FUNCTIONS)};

		if (pci_read(address, PCI_VENDOR, 2) != PCI_NOBODY)
			return true;
	}
	return false;
}

void pci_scan_range(struct pci_scan *scan, const struct pci_range *range)
{
	memset(scan->seen, 0, sizeof(scan->seen));
	memset(scan->waits, 0, sizeof(scan->waits));
	for (u32 bus = range->first_bus; bus <= range->last_bus; bus++) {
		if (!scan->seen[bus] && pci_scan_bus_answers(range->segment, bus))
			pci_scan_tree(scan, range->segment, (u8)bus, range->last_bus);
	}
}
