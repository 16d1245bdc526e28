/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/bus.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/rt/checked.h"

bool bus_add(struct bus *bus, struct device *device, u64 base, u64 length)
{
	u32 at = bus->range_count;
	u64 end;

	if (length == 0 || !checked_add(base, length, &end) || at == BUS_RANGE_MAX)
		return false;
	for (u32 i = 0; i < bus->range_count; i++)
		if (ranges_overlap(base, length, bus->range[i].base, bus->range[i].length))
			return false;

	for (; at > 0 && bus->range[at - 1].base > base; at--)
		bus->range[at] = bus->range[at - 1];
	bus->range[at] = (struct bus_range){base, length, device};
	bus->range_count++;
	return true;
}

static bool covers(const struct bus_range *range, u64 address, u32 size)
{
	u64 offset = address - range->base; /* beyond the end if it is below */

	return offset < range->length && size <= range->length - offset;
}

static u64 plain_bytes(const struct bus_range *range)
{
	const struct device_ops *ops = range->device->ops;

	return ops->tick != NULL ? 0 : MIN(range->length, (u64)ops->widest);
}

static struct device *search(struct bus *bus, u64 address, u32 size)
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
	if (low == 0 || !covers(&bus->range[low - 1], address, size))
		return NULL;
	bus->recent = bus->range[low - 1];
	bus->plain = plain_bytes(&bus->recent);
	return bus->recent.device;
}

/* Consecutive accesses mostly go to the same device. */
struct device *bus_find(struct bus *bus, u64 address, u32 size)
{
	if (likely(covers(&bus->recent, address, size)))
		return bus->recent.device;
	return search(bus, address, size);
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

u64 bus_read(struct bus *bus, u64 address, u32 size)
{
	struct device *device = bus_find(bus, address, size);
	u64 value = 0;
	u32 piece;

	if (!device) {
		bus_unknown(bus, address);
		return BITS(size * 8 - 1, 0);
	}
	piece = MIN(size, device->ops->widest);
	for (u32 done = 0; done < size; done += piece) {
		u64 part = device->ops->read(device, address + done, piece);

		value |= (part & BITS(piece * 8 - 1, 0)) << (done * 8);
	}
	return value;
}

void bus_write(struct bus *bus, u64 address, u32 size, u64 value)
{
	struct device *device = bus_find(bus, address, size);
	u32 piece;

	if (!device) {
		bus_unknown(bus, address);
		return;
	}
	piece = MIN(size, device->ops->widest);
	for (u32 done = 0; done < size; done += piece)
		device->ops->write(device, address + done, piece,
				   (value >> (done * 8)) & BITS(piece * 8 - 1, 0));
}
