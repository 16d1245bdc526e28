/* SPDX-License-Identifier: MIT */
/*
 * A function's configuration space: its existing and writable bits, and the effects of writes.
 * Called by pci_bus.c for accesses, and by virtio_add.c to build a function; changes that function
 * and its BARs.
 */
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/pci/pci_bus.h"

#define COMMAND_ALWAYS (PCI_COMMAND_BUS_MASTER | PCI_COMMAND_INTX_OFF)
/* the interrupt line register's value for no input of an 8259 (PCI 3.0, 6.2.4) */
#define LINE_UNKNOWN 0xffu

static void pci_config_put(u8 *bytes, u32 offset, u32 size, u64 value)
{
	memcpy(bytes + offset, &value, size);
}

void pci_function_begin(struct pci_function *function, const struct pci_identity *identity)
{
	u8 *constant = function->constant;

	pci_config_put(constant, PCI_VENDOR, 2, identity->vendor);
	pci_config_put(constant, PCI_DEVICE, 2, identity->device);
	pci_config_put(constant, PCI_REVISION, 1, identity->revision);
	pci_config_put(constant, PCI_INTERFACE, 3, identity->class_code);
	pci_config_put(constant, PCI_SUBSYSTEM_VENDOR, 2, identity->subsystem_vendor);
	pci_config_put(constant, PCI_SUBSYSTEM, 2, identity->subsystem);
	function->config_end = PCI_CAP_FIRST;
}

void pci_function_bar(struct pci_function *function, u32 number, enum pci_bar_kind kind, u64 bytes)
{
	u32 at = PCI_BAR + 4 * number;

	function->bar[number] = (struct pci_bar){.kind = kind, .bytes = bytes};
	if (kind == PCI_BAR_PORTS) {
		function->writable[PCI_COMMAND] |= PCI_COMMAND_IO;
		pci_config_put(function->constant, at, 4, PCI_BAR_IO);
		pci_config_put(function->writable, at, 4,
			       /*
				* the bits above 15 are not writable: a PC's port addresses have 16
				* bits
				*/
			       0x10000 - bytes);
	} else {
		function->writable[PCI_COMMAND] |= PCI_COMMAND_MEMORY;
		pci_config_put(function->constant, at, 8, PCI_BAR_64);
		pci_config_put(function->writable, at, 8, ~(bytes - 1));
	}
}

u32 pci_function_capability(struct pci_function *function, u8 identifier, u32 bytes)
{
	u8 *constant = function->constant;
	u32 at = function->config_end;
	/* where the pointer to the next capability is: in the header, or byte 1 of a capability */
	u32 last = PCI_CAPABILITIES;

	while (constant[last] != 0)
		last = constant[last] + 1u;
	constant[last] = (u8)at;
	constant[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
	constant[at] = identifier;
	function->config_end = (u32)align_up(at + bytes, 4);
	return at;
}

void pci_function_msix(struct pci_function *function, u32 count, u32 bar, u32 table, u32 pending)
{
	u32 at = pci_function_capability(function, PCI_CAP_MSIX, PCI_MSIX_BYTES);

	function->msix_at = at;
	function->msix_count = count;
	pci_config_put(function->constant, at + PCI_MSIX_CONTROL, 2, count - 1);
	pci_config_put(function->constant, at + PCI_MSIX_TABLE, 4, table | bar);
	pci_config_put(function->constant, at + PCI_MSIX_PENDING, 4, pending | bar);
	pci_config_put(function->writable, at + PCI_MSIX_CONTROL, 2,
		       PCI_MSIX_ENABLE | PCI_MSIX_MASKED);
}

/* Lets the guest write all 32 bits of the BARs of ports, not only the 16 that a PC has. */
static void pci_function_widen_ports(struct pci_function *function)
{
	for (u32 i = 0; i < PCI_BARS; i++)
		if (function->bar[i].kind == PCI_BAR_PORTS)
			pci_config_put(function->writable, PCI_BAR + 4 * i, 4,
				       ~(function->bar[i].bytes - 1));
}

enum status pci_function_add(struct platform *platform, struct pci_function *function, u32 slot)
{
	struct pci_bus *bus = platform->pci;
	enum status status;

	if (bus == NULL)
		return STATUS_NOT_SUPPORTED;
	if (bus->function[slot] != NULL)
		return STATUS_IN_USE;
	function->bus = bus;
	function->slot = slot;
	if (bus->windows.wide_ports)
		pci_function_widen_ports(function);
	function->constant[PCI_INTERRUPT_PIN] = 1; /* INTA# */
	function->writable[PCI_INTERRUPT_LINE] = 0xff;
	pci_config_put(function->writable, PCI_COMMAND, 2,
		       function->writable[PCI_COMMAND] | COMMAND_ALWAYS);
	status = pci_bar_place(function);
	if (status != STATUS_OK)
		return status;
	bus->function[slot] = function;
	status = platform_add(platform, &function->device);
	if (status != STATUS_OK)
		bus->function[slot] = NULL;
	return status;
}

/*
 * Resets the function to the state in which firmware would leave it: BARs set, decode on, the rest
 * left to the guest's driver.
 */
void pci_function_reset(struct pci_function *function)
{
	struct pci_function_state *state = function->state;

	*state = (struct pci_function_state){0};
	for (u32 i = 0; i < PCI_BARS; i++)
		if (function->bar[i].kind != PCI_BAR_NONE)
			pci_config_put(state->config, PCI_BAR + 4 * i,
				       function->bar[i].kind == PCI_BAR_PORTS ? 4 : 8,
				       function->bar[i].placed);
	state->config[PCI_COMMAND] = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	state->config[PCI_INTERRUPT_LINE] = LINE_UNKNOWN;
	pci_msix_reset(function);
	pci_bar_map_all(function->bus);
	pci_intx_update(function);
}

/*
 * Does nothing after a load, as the interrupt pin's level is in the interrupt controllers' state.
 */
void pci_function_loaded(struct pci_function *function)
{
	pci_bar_map_all(function->bus);
}

/* Returns true for any bytes, since the registers are masked when they are used. */
bool pci_function_valid(const struct pci_function_state *state)
{
	for (u32 i = 0; i < PCI_MSIX_MAX; i++)
		if ((state->msix[i].control & ~PCI_MSIX_ENTRY_MASKED) != 0)
			return false;
	return state->intx <= 1;
}

static u8 pci_config_byte(const struct pci_function *function, u32 at)
{
	u8 writable = function->writable[at];
	u8 byte = (u8)((function->constant[at] & ~writable) |
		       (function->state->config[at] & writable));

	if (at == PCI_STATUS && function->state->intx != 0)
		byte |= PCI_STATUS_INTX;
	return byte;
}

u32 pci_config_get(const struct pci_function *function, u32 offset, u32 size)
{
	u32 value = 0;

	for (u32 i = 0; i < size; i++)
		value |= (u32)pci_config_byte(function, offset + i) << 8 * i;
	return value;
}

u32 pci_config_read(struct pci_function *function, u32 offset, u32 size)
{
	if (function->config_reads != NULL)
		function->config_reads(function, offset, size);
	return pci_config_get(function, offset, size);
}

void pci_config_write(struct pci_function *function, u32 offset, u32 size, u32 value)
{
	bool command = ranges_overlap(offset, size, PCI_COMMAND, 2);
	bool msix = function->msix_at != 0 && ranges_overlap(offset, size, function->msix_at, 4);

	pci_config_put(function->state->config, offset, size, value);
	if (command || ranges_overlap(offset, size, PCI_BAR, 4ull * PCI_BARS))
		pci_bar_map_all(function->bus);
	if (command || msix) {
		pci_msix_flush(function);
		pci_intx_update(function);
	}
	if (function->config_written != NULL)
		function->config_written(function, offset, size);
}
