/* SPDX-License-Identifier: MIT */
/*
 * Adds a device to the platform: takes memory for it and puts its registers on the buses. Called by
 * each device's attach function while a VM is built; changes the platform's tables and buses.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/platform/platform_add.h"

void *platform_take(struct platform *platform, size_t bytes)
{
	size_t left = sizeof(platform->storage) - platform->storage_used;
	size_t needed = align_up(bytes, 16);
	void *memory = &platform->storage[platform->storage_used];

	if (needed > left)
		return NULL;
	platform->storage_used += (u32)needed;
	memset(memory, 0, bytes);
	return memory;
}

static struct bus *platform_bus(struct platform *platform, const struct device_region *region)
{
	return region->space == DEVICE_PORTS ? &platform->ports : &platform->memory;
}

/* Puts all of a device's regions on the buses, or none. */
static enum status platform_add_regions(struct platform *platform, struct device *device)
{
	const struct device_region *regions = device->regions;

	for (u32 i = 0; i < device->region_count; i++) {
		enum status status = bus_add(platform_bus(platform, &regions[i]), device, i,
					     regions[i].base, regions[i].bytes);

		if (status == STATUS_OK)
			continue;
		while (i-- > 0)
			bus_remove(platform_bus(platform, &regions[i]), device, i);
		return status;
	}
	return STATUS_OK;
}

enum status platform_add(struct platform *platform, struct device *device)
{
	enum status status;

	if (platform->device_count == PLATFORM_DEVICE_MAX)
		return STATUS_NO_MEMORY;
	status = platform_add_regions(platform, device);
	if (status != STATUS_OK)
		return status;
	device->instance = 0;
	for (u32 i = 0; i < platform->device_count; i++)
		device->instance += platform->device[i]->kind == device->kind;
	device->clock = &platform->clock;
	device->events = &platform->events;
	device->irqchip = &platform->irqchip;
	platform->device[platform->device_count++] = device;
	if (device->ops->tick != NULL)
		platform->timed[platform->timed_count++] = device;
	device_reset(device);
	return STATUS_OK;
}
