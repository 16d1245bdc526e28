/* SPDX-License-Identifier: MIT */
#pragma once

/* Bus 0 with a virtio rng and a virtio console, their guest's memory and what they send. */
#include "tests/unit/device_fixture.h"

#include "vmm/monitor/dev/reset.c"
#include "vmm/monitor/memory/guest_memory.c"

#ifdef WATCHED_READS /* a fuzz target sees, and disturbs, each read of the guest's memory */
static bool watched_read(const struct guest_memory *memory, gpa_t gpa, void *buffer, u64 length);
static void watched_words_read(const u8 *guest, void *buffer, u64 length);
#define guest_words_read   watched_words_read
#define guest_memory_read  watched_read
#define guest_memory_fetch watched_read
#endif
#include "tests/unit/pci_sources.h"
#undef guest_memory_read
#undef guest_memory_fetch
#undef guest_words_read

#define RAM_BYTES (2 * MIB)
#define HIGH_BASE (4 * GIB)
#define RNG	  PCI_SLOT_RNG
#define CONSOLE	  PCI_SLOT_CONSOLE

static u8 ram[RAM_BYTES];
static struct guest_memory ram_map;
static char printed[64];
static u32 printed_count;
static u64 message_address[16];
static u32 message_data[16];
static u32 message_count;

bool irqchip_message(struct irqchip *irqchip, u64 address, u32 data)
{
	(void)irqchip;
	message_address[message_count % 16] = address;
	message_data[message_count++ % 16] = data;
	return true;
}

/* the names of the console's further ports */
static char fixture_port[VIRTIO_CONSOLE_PORTS][CHANNEL_NAME_BYTES];
/* the port to which the last byte went */
static u32 printed_port;

static void print_byte(void *context, u32 port, u8 byte)
{
	(void)context;
	printed_port = port;
	printed[printed_count++ % sizeof(printed)] = (char)byte;
}

static void draw(void *bytes, size_t count)
{
	memset(bytes, 0x5a, count);
}

static UNUSED int pci_setup(void **state)
{
	const struct platform_config config = {
		.cpu_count = 1,
		.pci = true,
		.pci_high_base = HIGH_BASE,
		.memory = &ram_map,
		.random_draw = draw,
		.virtio_rng = true,
		.virtio_console = true,
		.port_put = print_byte,
		.port_name = fixture_port,
	};

	(void)state;
	fixture_reset();
	fixture_platform.pci = NULL;
	memset(ram, 0, sizeof(ram));
	guest_memory_init(&ram_map, ram, sizeof(ram));
	memset(printed, 0, sizeof(printed));
	printed_count = 0;
	message_count = 0;
	fixture_attach(reset_attach, &config);
	fixture_attach(pci_bus_attach, &config);
	fixture_attach(virtio_console_attach, &config);
	fixture_attach(virtio_rng_attach, &config);
	return 0;
}

static UNUSED u32 in(u32 port, u32 size)
{
	return (u32)bus_read(&fixture_platform.ports, port, size);
}

static UNUSED void out(u32 port, u32 size, u32 value)
{
	bus_write(&fixture_platform.ports, port, size, value);
}

static UNUSED u64 load(u64 address, u32 size)
{
	return bus_read(&fixture_platform.memory, address, size);
}

static UNUSED void store(u64 address, u32 size, u64 value)
{
	bus_write(&fixture_platform.memory, address, size, value);
}

static u64 ecam(u32 slot, u32 offset)
{
	return LAYOUT_ECAM + (slot << 15) + offset;
}

static UNUSED u32 config_in(u32 slot, u32 offset, u32 size)
{
	return (u32)load(ecam(slot, offset), size);
}

static UNUSED void config_out(u32 slot, u32 offset, u32 size, u32 value)
{
	store(ecam(slot, offset), size, value);
}

/* Selects a register by the mechanism of ports CF8h and CFCh. */
static UNUSED void config_select(u32 slot, u32 offset)
{
	out(PCI_ADDRESS_PORT, 4, 0x80000000 | slot << 11 | (offset & 0xfc));
}

static UNUSED struct pci_function *function_at(u32 slot)
{
	return fixture_platform.pci->function[slot];
}

static UNUSED u64 ports_of(u32 slot)
{
	return pci_bar_address(function_at(slot), BAR_DOORBELL);
}

static UNUSED u64 memory_of(u32 slot)
{
	return pci_bar_address(function_at(slot), BAR_MEMORY);
}

static UNUSED void set_command(u32 slot, u32 command)
{
	config_out(slot, PCI_COMMAND, 2, command);
}

#define COMMAND_ALL (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER)

/* Returns the capability of that identifier, from `at` on in the list. */
static UNUSED u32 capability(u32 slot, u32 identifier)
{
	u32 at = config_in(slot, PCI_CAPABILITIES, 1);

	while (at != 0 && config_in(slot, at, 1) != identifier)
		at = config_in(slot, at + 1, 1);
	return at;
}

static UNUSED void msix_enable(u32 slot, u32 control)
{
	config_out(slot, capability(slot, PCI_CAP_MSIX) + PCI_MSIX_CONTROL, 2,
		   PCI_MSIX_ENABLE | control);
}

static UNUSED void msix_entry(u32 slot, u32 vector, u64 address, u32 data, u32 control)
{
	u64 at = memory_of(slot) + AT_MSIX + vector * PCI_MSIX_ENTRY_BYTES;

	store(at, 4, (u32)address);
	store(at + 4, 4, address >> 32);
	store(at + 8, 4, data);
	store(at + 12, 4, control);
}
