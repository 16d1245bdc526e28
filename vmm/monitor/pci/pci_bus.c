/* SPDX-License-Identifier: MIT */
/*
 * PCI bus 0: the host bridge with both ways to configuration space, and the interrupt lines.
 * Attached by platform.c; owns the bus's address register and the sharing of lines.
 */
#include "vmm/monitor/pci/pci_bus.h"

#include "lib/bits.h"
#include "vmm/hw/i8042.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/memory/layout.h"

#define ADDRESS_ENABLE BIT(31)
#define ADDRESS_MASK   (ADDRESS_ENABLE | BITS(23, 2))
#define ALL_ONES(size) BITS(8 * (size)-1, 0)

enum bridge_region { REGION_PORTS, REGION_ECAM };

/*
 * 82441FX, 3.2.18: the attributes of each piece of memory below 1 MiB. The registers keep written
 * values; the memory is RAM in any case.
 */
#define PAM_FIRST 0x59u
#define PAM_COUNT 7u

#define POWER_SLOT     1u
#define POWER_FUNCTION 3u
#define POWER_BASE     0x40u
#define POWER_CONTROL  0x80u

static struct pci_bus *pci_bridge_bus(struct device *device)
{
	return CONTAINER_OF(device, struct pci_bus, bridge.device);
}

bool pci_intx_shown(const struct pci_function *function)
{
	return function->state->intx != 0 && !pci_msix_enabled(function) &&
	       (pci_config_get(function, PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF) == 0;
}

/*
 * Sets the interrupt line. Slots share interrupt lines: a line is low when no slot holds it high.
 */
void pci_intx_update(const struct pci_function *function)
{
	const struct pci_bus *bus = function->bus;
	u32 line = function->slot % PCI_LINES;
	bool level = false;

	for (u32 slot = line; slot < PCI_SLOTS; slot += PCI_LINES)
		level = level ||
			(bus->function[slot] != NULL && pci_intx_shown(bus->function[slot]));
	irqchip_set_line(function->device.irqchip, PCI_LINE_FIRST + line, level);
}

void pci_intx_set(struct pci_function *function, bool level)
{
	if (function->state->intx == level)
		return;
	function->state->intx = level;
	pci_intx_update(function);
}

/* Returns the slot's function of that number, or NULL; devices in slots have function 0 only. */
static struct pci_function *pci_ecam_find(struct pci_bus *bus, u32 slot, u32 number)
{
	return number == 0 ? bus->function[slot] : NULL;
}

/*
 * Functions of a 440FX's PIIX4 (82371AB) that have no registers to write, for VMs that start by
 * firmware: the ISA bridge, behind which firmware looks for COM1, and the power management, which
 * tells firmware where the PM timer is. Power management is function 3 of a slot in which operating
 * systems look for function 0 only.
 */
struct pci_fixed {
	u32 slot;
	u32 function;
	u32 offset;
	u32 value;
};

static const struct pci_fixed pci_fixed[] = {
	{PCI_SLOT_ISA, 0, PCI_VENDOR, 0x71108086},
	/* the ports and memory of ISA are always decoded */
	{PCI_SLOT_ISA, 0, PCI_COMMAND,
	 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER},
	{PCI_SLOT_ISA, 0, PCI_REVISION, 0x06010002},
	{POWER_SLOT, POWER_FUNCTION, PCI_VENDOR, 0x71138086},
	{POWER_SLOT, POWER_FUNCTION, PCI_REVISION, 0x06800003},
	{POWER_SLOT, POWER_FUNCTION, POWER_BASE, PCI_POWER_PORT | 1},
	/* the ports of power management are enabled */
	{POWER_SLOT, POWER_FUNCTION, POWER_CONTROL, 1},
};

/*
 * Returns whether the slot has this function among those that each platform has; sets *value to the
 * value of its register at `offset`.
 */
static bool pci_fixed_read(u32 slot, u32 function, u32 offset, u32 *value)
{
	bool found = false;

	*value = 0;
	for (size_t i = 0; i < ARRAY_COUNT(pci_fixed); i++) {
		if (pci_fixed[i].slot != slot || pci_fixed[i].function != function)
			continue;
		found = true;
		if (pci_fixed[i].offset == align_down(offset, 4))
			*value = pci_fixed[i].value >> offset % 4 * 8;
	}
	return found;
}

static u64 pci_ecam_read(struct pci_bus *bus, u32 at, u32 size)
{
	struct pci_function *function = pci_ecam_find(bus, at >> 15, at >> 12 & 7);
	u32 fixed;

	if (bus->windows.wide_ports && at % 4 + size <= 4 && at % PAGE_SIZE < PCI_CONFIG_BYTES &&
	    pci_fixed_read(at >> 15, at >> 12 & 7, at % PCI_CONFIG_BYTES, &fixed))
		return fixed & ALL_ONES(size);
	/* no function here has extended registers */
	if (function == NULL || at % PAGE_SIZE >= PCI_CONFIG_BYTES || at % 4 + size > 4)
		return ALL_ONES(size);
	return pci_config_read(function, at % PCI_CONFIG_BYTES, size);
}

static void pci_ecam_write(struct pci_bus *bus, u32 at, u32 size, u32 value)
{
	struct pci_function *function = pci_ecam_find(bus, at >> 15, at >> 12 & 7);

	if (function != NULL && at % PAGE_SIZE < PCI_CONFIG_BYTES && at % 4 + size <= 4)
		pci_config_write(function, at % PCI_CONFIG_BYTES, size, value);
}

/*
 * Converts the register that port 0xcf8 selects, with `offset` in the ports, to an address in ECAM;
 * returns false if the port selects no register.
 */
static bool pci_bridge_selects(const struct pci_bus *bus, u32 offset, u32 *at)
{
	u32 address = bus->state.address;

	*at = (address >> 8 & 0xff) << 12 | (address & 0xfc) | (offset & 3);
	return (address & ADDRESS_ENABLE) != 0 && (address >> 16 & 0xff) == 0;
}

static bool pci_bridge_is_reset_control(const struct pci_bus *bus, u32 offset, u32 size)
{
	return offset == 1 && size == 1 && bus->reset_control != NULL;
}

/*
 * Reads ports 0xcf8 to 0xcff. Only a dword at 0xcf8 is the address register; at 0xcfc any size
 * within the dword reads data (PCI 3.0, 3.2.2.3.2).
 */
static u64 pci_bridge_ports_read(struct pci_bus *bus, u32 offset, u32 size)
{
	u32 at;

	if (pci_bridge_is_reset_control(bus, offset, size))
		return bus->reset_control->ops->read(bus->reset_control, bus->reset_region, 0, 1);
	if (offset == 0 && size == 4)
		return bus->state.address;
	if (offset < 4 || !pci_bridge_selects(bus, offset, &at))
		return ALL_ONES(size);
	return pci_ecam_read(bus, at, size);
}

static void pci_bridge_ports_write(struct pci_bus *bus, u32 offset, u32 size, u32 value)
{
	u32 at;

	if (pci_bridge_is_reset_control(bus, offset, size))
		bus->reset_control->ops->write(bus->reset_control, bus->reset_region, 0, 1, value);
	else if (offset == 0 && size == 4)
		bus->state.address = value & (u32)ADDRESS_MASK;
	else if (offset >= 4 && pci_bridge_selects(bus, offset, &at))
		pci_ecam_write(bus, at, size, value);
}

static u64 pci_bridge_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct pci_bus *bus = pci_bridge_bus(device);

	return region == REGION_PORTS ? pci_bridge_ports_read(bus, (u32)offset, size)
				      : pci_ecam_read(bus, (u32)offset, size);
}

static void pci_bridge_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct pci_bus *bus = pci_bridge_bus(device);

	if (region == REGION_PORTS)
		pci_bridge_ports_write(bus, (u32)offset, size, (u32)value);
	else
		pci_ecam_write(bus, (u32)offset, size, (u32)value);
}

static void pci_bridge_reset(struct device *device)
{
	struct pci_bus *bus = pci_bridge_bus(device);

	bus->state = (struct pci_bus_state){0};
}

static bool pci_bridge_valid(const void *bytes)
{
	const struct pci_bus_state *state = bytes;

	return (state->address & ~ADDRESS_MASK) == 0 && pci_function_valid(&state->bridge);
}

static const struct device_region bridge_regions[] = {
	[REGION_PORTS] = {DEVICE_PORTS, PCI_ADDRESS_PORT, PCI_PORTS},
	[REGION_ECAM] = {DEVICE_MEMORY, LAYOUT_ECAM, LAYOUT_ECAM_BYTES},
};

static const struct device_ops bridge_ops = {
	.widest = 4,
	.read = pci_bridge_read,
	.write = pci_bridge_write,
	.reset = pci_bridge_reset,
	.valid = pci_bridge_valid,
};

/* Takes over port 0xcf9, the reset control, from the reset device (reset.c). */
static void pci_bridge_take_reset_control(struct pci_bus *bus)
{
	const struct bus_range *range = bus_find(&bus->platform->ports, RESET_CONTROL_PORT, 1);

	if (range == NULL)
		return;
	bus->reset_control = range->device;
	bus->reset_region = range->region;
	bus_remove(&bus->platform->ports, bus->reset_control, bus->reset_region);
}

enum status pci_bus_attach(struct platform *platform, const struct platform_config *config)
{
	static const struct pci_identity i440fx = {
		.vendor = 0x8086,
		.device = 0x1237,
		.revision = 2,
		.class_code = PCI_BRIDGE_CLASS,
		.subsystem_vendor = PCI_BRIDGE_VENDOR,
		/* QEMU's subsystem ID, by which firmware knows that there is fw_cfg */
		.subsystem = 0x1100,
	};
	static const struct pci_identity identity = {
		.vendor = PCI_BRIDGE_VENDOR,
		.device = PCI_BRIDGE_DEVICE,
		.class_code = PCI_BRIDGE_CLASS,
		.subsystem_vendor = PCI_BRIDGE_VENDOR,
		.subsystem = PCI_BRIDGE_DEVICE,
	};
	struct pci_bus *bus;

	if (!config->pci)
		return STATUS_OK;
	bus = platform_take(platform, sizeof(*bus));
	if (bus == NULL)
		return STATUS_NO_MEMORY;
	bus->platform = platform;
	bus->windows.high_base = config->pci_high_base;
	bus->windows.high_bytes = config->pci_high_base != 0 ? LAYOUT_PCI_HIGH_BYTES : 0;
	pci_bridge_take_reset_control(bus);
	bus->windows.low_base = LAYOUT_PCI_LOW;
	bus->windows.low_bytes = LAYOUT_PCI_LOW_BYTES;
	if (config->firmware) {
		bus->windows.low_base = layout_pci_firmware(config->ram_below_4g);
		bus->windows.low_bytes = LAYOUT_PCI_FIRMWARE_END - bus->windows.low_base;
		bus->windows.high_bytes = layout_pci_firmware_high(config->pci_high_base,
								   config->memory->physical_bits);
	}
	bus->windows.wide_ports = config->firmware;
	pci_function_begin(&bus->bridge, config->firmware ? &i440fx : &identity);
	if (config->firmware)
		memset(bus->bridge.writable + PAM_FIRST, 0xff, PAM_COUNT);
	bus->bridge.bus = bus;
	bus->bridge.state = &bus->state.bridge;
	bus->bridge.device = (struct device){
		.name = "pci",
		.ops = &bridge_ops,
		.regions = bridge_regions,
		.region_count = config->firmware ? REGION_ECAM : ARRAY_COUNT(bridge_regions),
		.state = &bus->state,
		.state_bytes = sizeof(bus->state),
		.kind = STATE_PCI_BUS,
		.version = 1,
	};
	bus->function[PCI_SLOT_BRIDGE] = &bus->bridge;
	platform->pci = bus;
	return platform_add(platform, &bus->bridge.device);
}
