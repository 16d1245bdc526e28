/* SPDX-License-Identifier: MIT */
#pragma once

/* A device's registers by the addresses at which a guest finds them. Include cmocka.h before. */
#include "vmm/monitor/bus/device.h"

/* The number of the region that an address lies in. */
static u32 fixture_region(const struct device *device, u64 address)
{
	u32 region = 0;

	while (address - device->regions[region].base >= device->regions[region].bytes)
		assert_true(++region < device->region_count);
	return region;
}

static UNUSED u64 fixture_read(struct device *device, u64 address, u32 size)
{
	u32 region = fixture_region(device, address);

	return device->ops->read(device, region, address - device->regions[region].base, size);
}

static UNUSED void fixture_write(struct device *device, u64 address, u32 size, u64 value)
{
	u32 region = fixture_region(device, address);

	device->ops->write(device, region, address - device->regions[region].base, size, value);
}
