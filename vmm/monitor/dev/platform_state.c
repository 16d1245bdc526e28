/* SPDX-License-Identifier: MIT */
/*
 * The platform's sections of a saved state: interrupt controllers, buses and devices in order.
 * Called by machine_state.c to save, check and load; reads and writes the devices' state structs.
 */
#include "vmm/monitor/dev/platform_state.h"

#include "lib/bits.h"

static void platform_save_lapic(const void *owner, void *bytes)
{
	lapic_save(owner, bytes);
}

static bool platform_lapic_valid(const void *owner, const void *bytes, const char **reason)
{
	(void)reason;
	return lapic_valid(owner, bytes);
}

static void platform_load_lapic(void *owner, const void *bytes)
{
	(void)!lapic_load(owner, bytes);
}

static void platform_save_irqchip(const void *owner, void *bytes)
{
	const struct irqchip *irqchip = owner;

	*(struct irqchip_saved *)bytes = (struct irqchip_saved){
		.kick = irqchip->kick,
		.lowest_last = irqchip->lowest_last,
	};
}

static bool platform_irqchip_valid(const void *owner, const void *bytes, const char **reason)
{
	const struct irqchip *irqchip = owner;
	const struct irqchip_saved *saved = bytes;

	(void)reason;
	return saved->lowest_last < irqchip->cpu_count && saved->reserved == 0 &&
	       (saved->kick & ~BITS(irqchip->cpu_count - 1, 0)) == 0;
}

/* Loads which vCPUs are to be kicked, in addition to those that loading the local APICs has set. */
static void platform_load_irqchip(void *owner, const void *bytes)
{
	struct irqchip *irqchip = owner;
	const struct irqchip_saved *saved = bytes;

	irqchip->lowest_last = saved->lowest_last;
	irqchip->kick |= saved->kick;
}

static void platform_save_bus(const void *owner, void *bytes)
{
	const struct bus *bus = owner;

	*(struct bus_saved *)bytes = (struct bus_saved){bus->unknown_count, bus->unknown_last};
}

static bool platform_bus_valid(const void *owner, const void *bytes, const char **reason)
{
	(void)owner, (void)bytes, (void)reason;
	return true;
}

static void platform_load_bus(void *owner, const void *bytes)
{
	struct bus *bus = owner;
	const struct bus_saved *saved = bytes;

	bus->unknown_count = saved->unknown_count;
	bus->unknown_last = saved->unknown_last;
}

static void platform_save_device(const void *owner, void *bytes)
{
	const struct device *device = owner;

	(void)!device_save(device, bytes, device->state_bytes);
}

static bool platform_device_valid(const void *owner, const void *bytes, const char **reason)
{
	const struct device *device = owner;

	(void)reason;
	return device->ops->valid(bytes);
}

static void platform_load_device(void *owner, const void *bytes)
{
	struct device *device = owner;

	(void)!device_load(device, bytes, device->state_bytes);
}

static struct state_section platform_lapic_section(struct irqchip *irqchip, u32 cpu)
{
	return (struct state_section){
		.name = "lapic",
		.kind = STATE_LAPIC,
		.instance = (u16)cpu,
		.version = 1,
		.bytes = sizeof(struct lapic_saved),
		.owner = &irqchip->lapic[cpu],
		.save = platform_save_lapic,
		.valid = platform_lapic_valid,
		.load = platform_load_lapic,
	};
}

static struct state_section platform_device_section(struct device *device)
{
	return (struct state_section){
		.name = device->name,
		.kind = (u16)device->kind,
		.instance = (u16)device->instance,
		.version = (u16)device->version,
		.bytes = (u32)device->state_bytes,
		.owner = device,
		.save = platform_save_device,
		.valid = platform_device_valid,
		.load = platform_load_device,
	};
}

static struct state_section platform_irqchip_section(struct irqchip *irqchip)
{
	return (struct state_section){
		.name = "irqchip",
		.kind = STATE_IRQCHIP,
		.version = 1,
		.bytes = sizeof(struct irqchip_saved),
		.owner = irqchip,
		.save = platform_save_irqchip,
		.valid = platform_irqchip_valid,
		.load = platform_load_irqchip,
	};
}

static struct state_section platform_bus_section(struct bus *bus, u32 instance)
{
	return (struct state_section){
		.name = "bus",
		.kind = STATE_BUS,
		.instance = (u16)instance,
		.version = 1,
		.bytes = sizeof(struct bus_saved),
		.owner = bus,
		.save = platform_save_bus,
		.valid = platform_bus_valid,
		.load = platform_load_bus,
	};
}

/*
 * Describes section `index` of a saved platform: the local APICs' come first, then the devices',
 * among which the other interrupt controllers are first, because a device raises their lines when
 * it is loaded.
 */
bool platform_section(void *owner, u32 index, struct state_section *section)
{
	const struct platform_part *part = owner;
	struct platform *platform = part->platform;
	struct irqchip *irqchip = &platform->irqchip;
	struct bus *const bus[] = {&platform->ports, &platform->memory};

	if (index < irqchip->cpu_count) {
		*section = platform_lapic_section(irqchip, index);
		if ((part->lapics >> index & 1) == 0)
			section->kind = 0;
		return true;
	}
	index -= irqchip->cpu_count;
	if (index < platform->device_count) {
		*section = platform_device_section(platform->device[index]);
		return true;
	}
	index -= platform->device_count;
	if (index == 0) {
		*section = platform_irqchip_section(irqchip);
		return true;
	}
	index--;
	if (index >= ARRAY_COUNT(bus))
		return false;
	*section = platform_bus_section(bus[index], index);
	return true;
}
