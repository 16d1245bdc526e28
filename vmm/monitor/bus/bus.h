/* SPDX-License-Identifier: MIT */
#pragma once

/* The addresses of a VM's ports or device memory, and the devices that answer at them. */
#include "vmm/monitor/bus/device.h"

#define BUS_RANGE_MAX 128

struct bus_range {
	u64 base;
	u64 bytes;
	struct device *device;
	u32 region; /* the number that the device gives to this range of its registers */
};

/*
 * One address space of a VM, ports or memory, as a table of devices by address. An address without
 * a device reads as all ones, ignores writes, and is counted; so does an access that straddles the
 * end of a range.
 */
struct bus {
	u32 range_count;
	u64 unknown_count;
	u64 unknown_last;	 /* address of the last access that no device took */
	struct bus_range recent; /* a copy of the range found last */
	u64 plain; /* the size in bytes of the widest access that `recent` takes in one piece */
	/* the ranges of all devices, ascending and disjoint */
	struct bus_range range[BUS_RANGE_MAX];
};

/*
 * Puts a region of a device at [base, base + bytes). Changes nothing on an error:
 * STATUS_BAD_ADDRESS if the range is empty or wraps, STATUS_IN_USE if another device answers there
 * or the region is on this bus already, STATUS_NO_MEMORY on a full bus.
 */
enum status bus_add(struct bus *bus, struct device *device, u32 region, u64 base,
		    u64 bytes) MUST_CHECK;
/* Removes a device's region from the bus; has no effect if the bus does not have it. */
void bus_remove(struct bus *bus, const struct device *device, u32 region);

/* Returns the range with all of [address, address + size), valid until the bus changes; or NULL. */
const struct bus_range *bus_find(struct bus *bus, u64 address, u32 size);

/* Does the work of bus_find_plain if `recent` does not cover the access: looks for the range. */
bool bus_search_plain(struct bus *bus, u64 address, u32 size);

/* Returns true if one device takes the access in one piece; `recent` is then its range. */
static ALWAYS_INLINE bool bus_find_plain(struct bus *bus, u64 address, u32 size)
{
	/*
	 * `plain` is at most the range's bytes; an address below `recent` wraps to an offset beyond
	 * its end
	 */
	return likely(size <= bus->plain &&
		      address - bus->recent.base <= bus->recent.bytes - size) ||
	       bus_search_plain(bus, address, size);
}

/*
 * Access the devices at an address by 1, 2, 4 or 8 bytes. These functions neither block nor fail.
 */
u64 bus_read(struct bus *bus, u64 address, u32 size);
void bus_write(struct bus *bus, u64 address, u32 size, u64 value);
/* Counts an access for which the caller found no device. */
void bus_unknown(struct bus *bus, u64 address);
