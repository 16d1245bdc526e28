/* SPDX-License-Identifier: MIT */
/*
 * One address space of a VM, ports or memory: finds the device that answers at an address (bus.h).
 * Called by the platform, the PCI BARs and the exit handlers; calls the device's read and write,
 * under the machine's lock.
 */
#include "vmm/monitor/bus/bus.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/rt/checked.h"

static bool bus_is_region(const struct bus_range *range, const struct device *device, u32 region)
{
	return range->device == device && range->region == region;
}

enum status bus_add(struct bus *bus, struct device *device, u32 region, u64 base, u64 bytes)
{
	u32 at = bus->range_count;
	u64 end;

	if (bytes == 0 || !checked_add(base, bytes, &end))
		return STATUS_BAD_ADDRESS;
	for (u32 i = 0; i < bus->range_count; i++)
		if (ranges_overlap(base, bytes, bus->range[i].base, bus->range[i].bytes) ||
		    bus_is_region(&bus->range[i], device, region))
			return STATUS_IN_USE;
	if (at == BUS_RANGE_MAX)
		return STATUS_NO_MEMORY;

	for (; at > 0 && bus->range[at - 1].base > base; at--)
		bus->range[at] = bus->range[at - 1];
	bus->range[at] = (struct bus_range){base, bytes, device, region};
	bus->range_count++;
	return STATUS_OK;
}

static void bus_forget_recent(struct bus *bus)
{
	bus->recent = (struct bus_range){0};
	bus->plain = 0;
}

void bus_remove(struct bus *bus, const struct device *device, u32 region)
{
	u32 at = 0;

	while (at < bus->range_count && !bus_is_region(&bus->range[at], device, region))
		at++;
	if (at == bus->range_count)
		return;
	bus->range_count--;
	for (; at < bus->range_count; at++)
		bus->range[at] = bus->range[at + 1];
	bus_forget_recent(bus);
}

static bool bus_covers(const struct bus_range *range, u64 address, u32 size)
{
	/* an address below the range gives an offset beyond its end */
	u64 offset = address - range->base;

	return offset < range->bytes && size <= range->bytes - offset;
}

static const struct bus_range *bus_search(struct bus *bus, u64 address, u32 size)
{
	u32 low = 0;
	u32 high = bus->range_count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (bus->range[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !bus_covers(&bus->range[low - 1], address, size))
		return NULL;
	bus->recent = bus->range[low - 1];
	bus->plain = MIN(bus->recent.bytes, (u64)bus->recent.device->ops->widest);
	return &bus->recent;
}

/*
 * Finds the range at the address. Looks first at the range found last (`recent`), as consecutive
 * accesses mostly go to the same device.
 */
const struct bus_range *bus_find(struct bus *bus, u64 address, u32 size)
{
	if (likely(bus_covers(&bus->recent, address, size)))
		return &bus->recent;
	return bus_search(bus, address, size);
}

bool bus_search_plain(struct bus *bus, u64 address, u32 size)
{
	return bus_find(bus, address, size) != NULL && size <= bus->plain;
}

void bus_unknown(struct bus *bus, u64 address)
{
	bus->unknown_count++;
	bus->unknown_last = address;
}

/*
 * Reads from a device, which may add or remove ranges of the bus during the call: the range found
 * is not used afterwards.
 */
u64 bus_read(struct bus *bus, u64 address, u32 size)
{
	const struct bus_range *range = bus_find(bus, address, size);
	struct device *device;
	u64 value = 0;
	u64 offset;
	u32 region;
	u32 piece;

	if (!range) {
		bus_unknown(bus, address);
		return BITS(size * 8 - 1, 0);
	}
	device = range->device;
	region = range->region;
	offset = address - range->base;
	piece = MIN(size, device->ops->widest);
	for (u32 done = 0; done < size; done += piece) {
		u64 part = device->ops->read(device, region, offset + done, piece);

		value |= (part & BITS(piece * 8 - 1, 0)) << (done * 8);
	}
	return value;
}

void bus_write(struct bus *bus, u64 address, u32 size, u64 value)
{
	const struct bus_range *range = bus_find(bus, address, size);
	struct device *device;
	u64 offset;
	u32 region;
	u32 piece;

	if (!range) {
		bus_unknown(bus, address);
		return;
	}
	device = range->device;
	region = range->region;
	offset = address - range->base;
	piece = MIN(size, device->ops->widest);
	for (u32 done = 0; done < size; done += piece)
		device->ops->write(device, region, offset + done, piece,
				   (value >> (done * 8)) & BITS(piece * 8 - 1, 0));
}
