/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the host's configuration space: in memory where the MCFG has an entry, otherwise
 * by ports. Called by the other files of this folder and by device code of disk/, driver/ and
 * iommu/. Owns the mapped window.
 */
#include "kernel/abi/syscall.h"
#include "vmm/hw/pci.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/manager/pci/pci_access.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define RANGES_MAX 17u
/* buses mapped at a time: 16 MiB, the most that the kernel maps at once */
#define WINDOW_BUSES 16u
#define WINDOW_BYTES (WINDOW_BUSES * MIB)
/*
 * The address of the window onto configuration space, aligned like the memory so that page-table
 * leaves of 2 MiB map it: reading each device of each bus would otherwise need 8192 pages mapped.
 */
#define WINDOW_AT 0x500000000000ull

static struct pci_range ranges[RANGES_MAX];
static u32 range_count;

/*
 * The part of configuration space that is mapped now; if mapping it has failed, that is remembered
 * as well.
 */
static struct {
	u64 hpa;
	u64 bytes;
	u64 address;
	bool failed;
} window;

static const struct pci_range *pci_range_of(struct pci_address address)
{
	for (u32 i = 0; i < range_count; i++) {
		if (ranges[i].segment == address.segment && address.bus >= ranges[i].first_bus &&
		    address.bus <= ranges[i].last_bus)
			return &ranges[i];
	}
	return NULL;
}

static void pci_window_open(const struct pci_range *range, u8 bus)
{
	u32 aligned = bus - bus % WINDOW_BUSES;
	u32 first = MAX(aligned, range->first_bus);
	u32 last = MIN(aligned + WINDOW_BUSES - 1, range->last_bus);
	u64 hpa = range->base + first * MIB;
	handle_t memory;

	if (window.bytes != 0 && !window.failed)
		sys_space_unmap(start_handle(START_SPACE), window.address, window.bytes);
	window.hpa = hpa;
	window.bytes = (last - first + 1) * MIB;
	window.failed = true;
	if (sys_memory_physical(start_handle(START_ROOT), hpa, window.bytes, MEMORY_UNCACHED,
				&memory) != STATUS_OK)
		return;
	window.failed =
		sys_space_map(start_handle(START_SPACE), WINDOW_AT + hpa % (2 * MIB), memory, 0,
			      window.bytes, RIGHT_READ | RIGHT_WRITE, &window.address) != STATUS_OK;
	sys_handle_close(memory);
}

/* Returns the address of a configuration register in memory, or NULL if it cannot be reached. */
static volatile void *pci_in_memory(const struct pci_range *range, struct pci_address address,
				    u32 offset)
{
	u64 hpa = range->base + ((u64)address.bus << 20 | (u64)address.function << 12 | offset);

	if (window.bytes == 0 || hpa < window.hpa || hpa - window.hpa >= window.bytes)
		pci_window_open(range, address.bus);
	return window.failed ? NULL : (volatile void *)(window.address + (hpa - window.hpa));
}

/* Selects a configuration register by the address port; returns the port of its data. */
static u16 pci_select_port(struct pci_address address, u32 offset)
{
	port_out32(PCI_PORT_ADDRESS, (u32)(PCI_PORT_ENABLE | (u32)address.bus << 16 |
					   (u32)address.function << 8 | (offset & PCI_CAP_NEXT)));
	return (u16)(PCI_PORT_DATA + (offset & 3));
}

static u32 pci_read_port(struct pci_address address, u32 offset, u32 bytes)
{
	u16 port = pci_select_port(address, offset);

	if (bytes == 1)
		return port_in8(port);
	return bytes == 2 ? port_in16(port) : port_in32(port);
}

u32 pci_read(struct pci_address address, u32 offset, u32 bytes)
{
	const struct pci_range *range = pci_range_of(address);
	u32 nothing = ~0u >> (32 - 8 * bytes);
	volatile void *memory;

	if (range == NULL || offset >= PCI_EXPRESS_BYTES ||
	    (range->base == 0 && offset >= PCI_CONFIG_BYTES))
		return nothing;
	if (range->base == 0)
		return pci_read_port(address, offset, bytes);
	memory = pci_in_memory(range, address, offset);
	if (memory == NULL)
		return nothing;
	if (bytes == 1)
		return *(volatile u8 *)memory;
	return bytes == 2 ? *(volatile u16 *)memory : *(volatile u32 *)memory;
}

static void pci_write_port(struct pci_address address, u32 offset, u32 bytes, u32 value)
{
	u16 port = pci_select_port(address, offset);

	if (bytes == 1)
		port_out8(port, (u8)value);
	else if (bytes == 2)
		port_out16(port, (u16)value);
	else
		port_out32(port, value);
}

void pci_write(struct pci_address address, u32 offset, u32 bytes, u32 value)
{
	const struct pci_range *range = pci_range_of(address);
	volatile void *memory;

	if (range == NULL || offset >= PCI_EXPRESS_BYTES ||
	    (range->base == 0 && offset >= PCI_CONFIG_BYTES))
		return;
	if (range->base == 0) {
		pci_write_port(address, offset, bytes, value);
		return;
	}
	memory = pci_in_memory(range, address, offset);
	if (memory == NULL)
		return;
	if (bytes == 1)
		*(volatile u8 *)memory = (u8)value;
	else if (bytes == 2)
		*(volatile u16 *)memory = (u16)value;
	else
		*(volatile u32 *)memory = value;
}

/*
 * Returns whether the ports for configuration space exist: enable bit and address can be read back
 * (PCI 3.0, 3.2.2.3.2).
 */
static bool pci_ports_answer(void)
{
	u32 value = (u32)PCI_PORT_ENABLE | 0x5a00;

	if (sys_ports_grant(start_handle(START_ROOT), start_handle(START_SELF), PCI_PORT_ADDRESS,
			    8) != STATUS_OK)
		return false;
	port_out32(PCI_PORT_ADDRESS, value);
	return port_in32(PCI_PORT_ADDRESS) == value;
}

/*
 * Returns whether the MCFG can be believed: not if nothing answers in its memory while the ports
 * find a function.
 */
static bool pci_memory_answers(void)
{
	const struct pci_address first = {0};

	return pci_read(first, PCI_VENDOR, 4) != ~0u || !pci_ports_answer() ||
	       pci_read_port(first, PCI_VENDOR, 4) == ~0u;
}

u32 pci_access_init(const struct pci_range **found)
{
	const struct host_ecam *ecam;
	u32 count = MIN(machine_ecam(&ecam), RANGES_MAX - 1);
	const struct pci_address first = {0};

	for (u32 i = 0; i < count; i++)
		ranges[i] = (struct pci_range){ecam[i].segment, ecam[i].first_bus, ecam[i].last_bus,
					       ecam[i].base};
	range_count = count;
	if (pci_range_of(first) == NULL || !pci_memory_answers()) {
		u32 kept = 0;

		for (u32 i = 0; i < count; i++) {
			if (ranges[i].segment != 0)
				ranges[kept++] = ranges[i];
		}
		if (pci_ports_answer())
			ranges[kept++] = (struct pci_range){.last_bus = PCI_BUSES - 1};
		range_count = kept;
	}
	*found = ranges;
	return range_count;
}
