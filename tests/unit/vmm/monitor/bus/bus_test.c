/* SPDX-License-Identifier: MIT */
/* Ports and memory: who answers, how wide accesses are split, what unclaimed addresses read as. */
#include "tests/unit/device_fixture.h"

struct recorder {
	u32 region[16];
	u64 offset[16];
	u32 size[16];
	u64 value[16];
	u32 count;
};

static u64 recorder_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct recorder *recorder = device->state;

	recorder->region[recorder->count] = region;
	recorder->offset[recorder->count] = offset;
	recorder->size[recorder->count++] = size;
	return 0xa0 + recorder->count; /* 0xa1, 0xa2, ... */
}

static void recorder_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct recorder *recorder = device->state;

	recorder->region[recorder->count] = region;
	recorder->offset[recorder->count] = offset;
	recorder->size[recorder->count] = size;
	recorder->value[recorder->count++] = value;
}

static const struct device_ops narrow_ops = {
	.widest = 1, .read = recorder_read, .write = recorder_write};
static const struct device_ops wide_ops = {
	.widest = 4, .read = recorder_read, .write = recorder_write};

static void ranges_are_disjoint(void **state)
{
	struct bus bus = {0};
	struct device device = {.ops = &narrow_ops};

	(void)state;
	assert_int_equal(bus_add(&bus, &device, 0, 0x70, 2), STATUS_OK);
	assert_int_equal(bus_add(&bus, &device, 1, 0x60, 1), STATUS_OK);
	assert_int_equal(bus_add(&bus, &device, 2, 0x61, 1), STATUS_OK);
	assert_int_equal(bus_add(&bus, &device, 3, 0x71, 1), STATUS_IN_USE);
	assert_int_equal(bus_add(&bus, &device, 3, 0x6f, 2), STATUS_IN_USE);
	/* the device's range is taken */
	assert_int_equal(bus_add(&bus, &device, 2, 0x80, 1), STATUS_IN_USE);
	assert_int_equal(bus_add(&bus, &device, 3, 0x80, 0), STATUS_BAD_ADDRESS);
	assert_int_equal(bus_add(&bus, &device, 3, ~0ull, 2), STATUS_BAD_ADDRESS);
	assert_int_equal(bus.range_count, 3);
	while (bus.range_count < BUS_RANGE_MAX) {
		u32 region = bus.range_count;

		assert_int_equal(bus_add(&bus, &device, region, 0x1000 + region * 4u, 4),
				 STATUS_OK);
	}
	assert_int_equal(bus_add(&bus, &device, BUS_RANGE_MAX, 0x8000, 1), STATUS_NO_MEMORY);
}

/* What the bus remembered of the last access does not outlive the range. */
static void removed_ranges_answer_no_more(void **state)
{
	struct bus bus = {0};
	struct recorder recorder = {0};
	struct device device = {.ops = &wide_ops, .state = &recorder};
	struct device other = {.ops = &wide_ops, .state = &recorder};

	(void)state;
	assert_int_equal(bus_add(&bus, &device, 0, 0x100, 4), STATUS_OK);
	assert_int_equal(bus_add(&bus, &device, 1, 0x200, 4), STATUS_OK);
	assert_int_equal(bus_add(&bus, &other, 0, 0x300, 4), STATUS_OK);
	assert_true(bus_find_plain(&bus, 0x200, 4));
	bus_remove(&bus, &device, 1);
	assert_false(bus_find_plain(&bus, 0x200, 4));
	assert_int_equal(bus_read(&bus, 0x200, 4), 0xffffffff);
	assert_int_equal(recorder.count, 0);
	bus_remove(&bus, &device, 1);
	bus_remove(&bus, &device, 7);
	assert_int_equal(bus.range_count, 2);

	/* the new range lies elsewhere, and where another range was */
	assert_int_equal(bus_add(&bus, &device, 1, 0x302, 4), STATUS_IN_USE);
	bus_remove(&bus, &other, 0);
	assert_int_equal(bus_add(&bus, &device, 1, 0x302, 4), STATUS_OK);
	assert_int_equal(bus_read(&bus, 0x304, 2), 0xa1);
	assert_int_equal(recorder.region[0], 1);
	assert_int_equal(recorder.offset[0], 2);
	assert_true(bus_find_plain(&bus, 0x103, 1));
}

/*
 * A device may take itself away while it is written to: a wide write then goes on to the next
 * device.
 */
static void leave(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct bus *bus = device->state;

	(void)offset, (void)size, (void)value;
	bus_remove(bus, device, region);
}

static void a_device_leaves_in_a_write(void **state)
{
	static const struct device_ops leaving_ops = {.widest = 1, .write = leave};
	struct bus bus = {0};
	struct device device = {.ops = &leaving_ops, .state = &bus};

	(void)state;
	assert_int_equal(bus_add(&bus, &device, 4, 0x100, 4), STATUS_OK);
	bus_write(&bus, 0x100, 4, 0);
	assert_int_equal(bus.range_count, 0);
}

static void wide_accesses_are_cut(void **state)
{
	struct bus bus = {0};
	struct recorder narrow = {0};
	struct recorder wide = {0};
	struct device narrow_device = {.ops = &narrow_ops, .state = &narrow};
	struct device wide_device = {.ops = &wide_ops, .state = &wide};

	(void)state;
	assert_int_equal(bus_add(&bus, &wide_device, 0, 0x600, 8), STATUS_OK);
	assert_int_equal(bus_add(&bus, &narrow_device, 5, 0x3f8, 8), STATUS_OK);

	assert_int_equal(bus_read(&bus, 0x3fa, 4), 0xa4a3a2a1);
	assert_int_equal(narrow.count, 4);
	assert_int_equal(narrow.region[3], 5);
	assert_int_equal(narrow.offset[3], 5);
	assert_int_equal(narrow.size[3], 1);
	narrow.count = 0;
	bus_write(&bus, 0x3f8, 2, 0x1234);
	assert_int_equal(narrow.value[0], 0x34);
	assert_int_equal(narrow.value[1], 0x12);

	assert_int_equal(bus_read(&bus, 0x604, 4), 0xa1);
	assert_int_equal(wide.size[0], 4);
	wide.count = 0;
	bus_write(&bus, 0x600, 8, 0x1122334455667788);
	assert_int_equal(wide.count, 2);
	assert_int_equal(wide.value[0], 0x55667788);
	assert_int_equal(wide.value[1], 0x11223344);
}

static void nothing_there_gives_ones_and_is_counted(void **state)
{
	struct bus bus = {0};
	struct recorder recorder = {0};
	struct device device = {.ops = &narrow_ops, .state = &recorder};

	(void)state;
	assert_int_equal(bus_read(&bus, 0x10, 1), 0xff);
	assert_int_equal(bus_add(&bus, &device, 0, 0xcf9, 1), STATUS_OK);
	assert_int_equal(bus_add(&bus, &device, 1, 0x70, 2), STATUS_OK);
	/* A write of a PCI configuration address does not reach the reset port at 0xcf9. */
	bus_write(&bus, 0xcf8, 4, 0x80000600);
	assert_int_equal(bus_read(&bus, 0x71, 2), 0xffff);
	assert_int_equal(bus_read(&bus, 0x6f, 2), 0xffff);
	assert_int_equal(bus_read(&bus, 0x72, 4), 0xffffffff);
	assert_true(bus_read(&bus, ~0ull, 8) == ~0ull);
	assert_int_equal(recorder.count, 0);
	assert_int_equal(bus.unknown_count, 6);
	assert_true(bus.unknown_last == ~0ull);
}

static void plain_accesses_come_in_one_piece(void **state)
{
	struct bus bus = {0};
	struct device narrow = {.ops = &narrow_ops};
	struct device wide = {.ops = &wide_ops};
	struct device timed = {.ops = &wide_ops};

	(void)state;
	assert_int_equal(bus_add(&bus, &narrow, 0, 0x3f8, 8), STATUS_OK);
	assert_int_equal(bus_add(&bus, &wide, 0, 0x600, 8), STATUS_OK);
	assert_int_equal(bus_add(&bus, &wide, 1, 0x80, 1), STATUS_OK);
	assert_int_equal(bus_add(&bus, &timed, 0, 0x40, 4), STATUS_OK);
	/* the first access is found by a search, the second by what the bus remembered */
	for (u32 i = 0; i < 2; i++) {
		assert_true(bus_find_plain(&bus, 0x3ff, 1));
		assert_ptr_equal(bus.recent.device, &narrow);
	}
	assert_false(bus_find_plain(&bus, 0x3f8, 2));
	assert_false(bus_find_plain(&bus, 0x400, 1));
	assert_true(bus_find_plain(&bus, 0x604, 4));
	assert_ptr_equal(bus.recent.device, &wide);
	assert_false(bus_find_plain(&bus, 0x605, 4));
	assert_false(bus_find_plain(&bus, 0x5ff, 2));
	assert_false(bus_find_plain(&bus, 0x600, 8));
	assert_true(bus_find_plain(&bus, 0x80, 1));
	assert_false(bus_find_plain(&bus, 0x80, 2)); /* the access goes beyond the range's end */
	assert_false(bus_find_plain(&bus, 0x7f, 2));
	assert_true(bus_find_plain(&bus, 0x40, 4));
	assert_ptr_equal(bus.recent.device, &timed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_disjoint),
		cmocka_unit_test(removed_ranges_answer_no_more),
		cmocka_unit_test(a_device_leaves_in_a_write),
		cmocka_unit_test(wide_accesses_are_cut),
		cmocka_unit_test(nothing_there_gives_ones_and_is_counted),
		cmocka_unit_test(plain_accesses_come_in_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
