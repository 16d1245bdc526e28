/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Random register accesses and passing time for one device of the monitor. After each step its
 * state, saved and loaded, is accepted and unchanged, and has the same deadline.
 */
#include "tests/unit/device_fixture.h"

struct fuzz_range {
	u64 first;
	u64 count;
};

static void fuzz_device_save_load(struct device *device)
{
	size_t size = device->state_bytes;
	u64 *saved = malloc(size + 8);
	u64 deadline;

	/* load brings the state up to now: the state compared must be, too */
	device_tick(device);
	deadline = device->deadline_ns;
	CHECK_THAT(device_save(device, saved, size) == STATUS_OK);
	device_reset(device);
	CHECK_THAT(device_load(device, saved, size) == STATUS_OK);
	CHECK_THAT(memcmp(saved, device->state, size) == 0);
	CHECK_THAT(device->deadline_ns == deadline);
	free(saved);
}

/* A state with a wrong byte is refused, or is one with which no access harms the monitor. */
static void fuzz_device_load_any(struct device *device, struct fuzz *fuzz)
{
	size_t size = device->state_bytes;
	u64 *state = malloc(size + 8);
	u64 at = fuzz_number(fuzz) % size;

	memcpy(state, device->state, size);
	((u8 *)state)[at] = fuzz_u8(fuzz);
	(void)!device_load(device, state, size);
	free(state);
}

static void fuzz_device_access(struct device *device, const struct fuzz_range *ranges, u32 count,
			       struct fuzz *fuzz, u8 what)
{
	const struct fuzz_range *range = &ranges[(what >> 3) % count];
	u32 size = 1u << (what >> 6);
	u64 address;

	while (size > device->ops->widest || size > range->count)
		size /= 2;
	address = range->first + fuzz_u8(fuzz) % (range->count - size + 1);
	if (what & 1) {
		u64 value = fuzz_number(fuzz) & (~0ull >> (64 - 8 * size));

		fixture_write(device, address, size, value);
	} else {
		u64 value = fixture_read(device, address, size);

		CHECK_THAT(size == 8 || value >> (8 * size) == 0);
	}
}

static void fuzz_device(struct device *device, const struct fuzz_range *ranges, u32 count,
			struct fuzz *fuzz, void (*outside)(struct fuzz *fuzz))
{
	while (fuzz->left > 0) {
		u8 what = fuzz_u8(fuzz);

		switch (what & 7) {
		case 0: { /* time passes, at most an hour */
			u64 ns = fuzz_number(fuzz) % (3600ull * 1000000000);

			fixture_platform.clock.now_ns += ns;
			fixture_platform.clock.wall_ns += ns;
			device_tick(device);
			CHECK_THAT(device->deadline_ns > fixture_platform.clock.now_ns);
			break;
		}
		case 2:
			if (what & 0x80)
				fuzz_device_load_any(device, fuzz);
			else
				fuzz_device_save_load(device);
			break;
		case 4:
			if (outside != NULL)
				outside(fuzz);
			break;
		default:
			fuzz_device_access(device, ranges, count, fuzz, what);
		}
	}
	fuzz_device_save_load(device);
}
