/* SPDX-License-Identifier: MIT */
/*
 * Decides where BARs answer. A BAR answers only if the function's decoding is on, inside a window,
 * and where nothing else does; of two BARs the one of the lower slot and number answers, and the
 * other is only a register. So positions follow from the registers alone, not from the order of
 * writes. Called by pci_config.c; changes the buses.
 */
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/pci/pci_bus.h"

u64 pci_bar_address(const struct pci_function *function, u32 number)
{
	u32 at = PCI_BAR + 4 * number;
	u64 low = pci_config_get(function, at, 4) & ~(function->bar[number].bytes - 1);

	if (function->bar[number].kind == PCI_BAR_PORTS)
		return low;
	return low | (u64)pci_config_get(function, at + 4, 4) << 32;
}

static bool bar_inside(u64 base, u64 bytes, u64 window, u64 window_bytes)
{
	return base >= window && range_within(base - window, bytes, window_bytes);
}

static bool bar_in_window(const struct pci_bus *bus, const struct pci_bar *bar, u64 base)
{
	if (bar->kind == PCI_BAR_PORTS)
		return bar_inside(base, bar->bytes, LAYOUT_PCI_PORTS, LAYOUT_PCI_PORT_COUNT);
	return bar_inside(base, bar->bytes, bus->windows.low_base, bus->windows.low_bytes) ||
	       bar_inside(base, bar->bytes, bus->windows.high_base, bus->windows.high_bytes);
}

static struct bus *bar_space(const struct pci_bus *bus, const struct pci_bar *bar)
{
	return bar->kind == PCI_BAR_PORTS ? &bus->platform->ports : &bus->platform->memory;
}

static void bar_map(struct pci_bus *bus, struct pci_function *function, u32 number)
{
	const struct pci_bar *bar = &function->bar[number];
	u64 base = pci_bar_address(function, number);
	u32 decode = bar->kind == PCI_BAR_PORTS ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;

	if ((pci_config_get(function, PCI_COMMAND, 2) & decode) != 0 &&
	    bar_in_window(bus, bar, base))
		(void)!bus_add(bar_space(bus, bar), &function->device, number, base, bar->bytes);
}

static void bar_unmap(struct pci_bus *bus, struct pci_function *function, u32 number)
{
	bus_remove(bar_space(bus, &function->bar[number]), &function->device, number);
}

typedef void bar_step(struct pci_bus *bus, struct pci_function *function, u32 number);

static void bar_each(struct pci_bus *bus, bar_step *step)
{
	for (u32 slot = 0; slot < PCI_SLOTS; slot++)
		for (u32 i = 0; bus->function[slot] != NULL && i < PCI_BARS; i++)
			if (bus->function[slot]->bar[i].kind != PCI_BAR_NONE)
				step(bus, bus->function[slot], i);
}

void pci_bar_map_all(struct pci_bus *bus)
{
	bar_each(bus, bar_unmap);
	bar_each(bus, bar_map);
	for (u32 slot = 0; slot < PCI_SLOTS; slot++)
		if (bus->function[slot] != NULL && bus->function[slot]->moved != NULL)
			bus->function[slot]->moved(bus->function[slot]);
}

/* Chooses the BARs' addresses: each slot has a share of each window. */
enum status pci_bar_place(struct pci_function *function)
{
	u64 ports_left = LAYOUT_PCI_PORT_COUNT / PCI_SLOTS;
	u64 memory_left = LAYOUT_PCI_LOW_BYTES / PCI_SLOTS;
	u64 ports = LAYOUT_PCI_PORTS + function->slot * ports_left;
	u64 memory = LAYOUT_PCI_LOW + function->slot * memory_left;

	for (u32 i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &function->bar[i];
		bool is_ports = bar->kind == PCI_BAR_PORTS;
		u64 *at = is_ports ? &ports : &memory;
		u64 *left = is_ports ? &ports_left : &memory_left;
		u64 skipped = align_up(*at, bar->bytes) - *at;

		if (bar->kind == PCI_BAR_NONE)
			continue;
		if (!range_within(skipped, bar->bytes, *left))
			return STATUS_NO_MEMORY;
		bar->placed = *at + skipped;
		*at = bar->placed + bar->bytes;
		*left -= skipped + bar->bytes;
	}
	return STATUS_OK;
}
