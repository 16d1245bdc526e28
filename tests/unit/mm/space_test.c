/* SPDX-License-Identifier: MIT */
/* Where mappings go, what is refused, and that all is freed when memory runs out. */
#include "tests/unit/mm/space_machine.h"

static void test_map_refusals(void **state)
{
	struct space *process;
	struct space *guest;
	struct memory *memory;
	u64 before;
	u64 at;

	(void)state;
	start(16 * MIB);
	process = process_create(NULL);
	guest = guest_create(NULL);
	memory = ram_create(16);
	assert_int_equal(MAP(process, MIB, 0, 0, PT_READ), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 0, 1, PT_WRITE), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 0, 1, ALL), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 0, 1, PT_READ | PT_USER), STATUS_BAD_ARGUMENT);
	assert_int_equal(MAP(process, MIB, 1, 16, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, MIB, ~0ull, 2, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, MIB, 0, 1ull << 52, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, MIB + 1, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, SPACE_USER_LOW - PAGE_SIZE, 0, 1, PT_READ),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, SPACE_USER_HIGH - PAGE_SIZE, 0, 2, PT_READ),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, SPACE_USER_HIGH, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, 0xffff800000000000, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(process, ~PAGE_MASK, 0, 2, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(MAP(guest, 1ull << MACHINE_WIDTH, 0, 1, PT_READ), STATUS_BAD_ADDRESS);
	assert_int_equal(memory->object.references, 1);

	assert_int_equal(MAP(process, MIB, 0, 16, PT_READ), STATUS_OK);
	assert_int_equal(at, MIB);
	assert_int_equal(MAP(process, MIB + 15 * PAGE_SIZE, 0, 1, PT_READ), STATUS_IN_USE);
	assert_int_equal(MAP(process, MIB - PAGE_SIZE, 0, 2, PT_READ), STATUS_IN_USE);
	before = machine_free_pages();
	for (u64 n = 0; n < 2 * PAGE_SIZE / sizeof(struct mapping); n++)
		assert_int_equal(MAP(process, MIB, 0, 1, PT_READ), STATUS_IN_USE);
	assert_int_equal(machine_free_pages(), before);
	assert_int_equal(MAP(process, MIB - 16 * PAGE_SIZE, 0, 16, PT_READ), STATUS_OK);
	assert_int_equal(MAP(process, MIB + 16 * PAGE_SIZE, 0, 16, PT_READ), STATUS_OK);
	assert_int_equal(MAP(guest, 0, 0, 16, ALL), STATUS_OK);
	assert_int_equal(at, 0);
	assert_int_equal(memory->object.references, 5);
	for (u64 n = 3; n < SPACE_MAPPING_MAX; n++)
		assert_int_equal(MAP(process, GIB + n * PAGE_SIZE, 0, 1, PT_READ), STATUS_OK);
	assert_int_equal(MAP(process, 2 * GIB, 0, 1, PT_READ), STATUS_TOO_BIG);
}

static void test_unmap_refusals(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(16);
	assert_int_equal(MAP(space, MIB, 0, 4, PT_READ), STATUS_OK);
	assert_int_equal(MAP(space, 2 * MIB, 0, 4, PT_READ), STATUS_OK);
	assert_int_equal(space_unmap(space, MIB, 3 * PAGE_SIZE), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB + PAGE_SIZE, 3 * PAGE_SIZE), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, MIB + PAGE_SIZE), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, 1), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB - 1, 4 * PAGE_SIZE + 2), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, 4 * PAGE_SIZE + 1), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, MIB, ~PAGE_MASK), STATUS_BAD_ADDRESS);
	assert_int_equal(space_unmap(space, 3 * MIB, MIB), STATUS_NOT_FOUND);
	assert_int_equal(space_unmap(space, MIB, 0), STATUS_NOT_FOUND);
	assert_int_equal(space->mapping_count, 2);
	assert_int_equal(space_unmap(space, 0, 4 * MIB), STATUS_AGAIN);
	assert_int_equal(space_unmap(space, 0, 4 * MIB), STATUS_OK);
	assert_int_equal(space_unmap(space, 0, 4 * MIB), STATUS_NOT_FOUND);
	assert_int_equal(memory->object.references, 1);
}

/* A mapping that is being removed in steps does not come back by a fault. */
static void test_fault_while_unmapped(void **state)
{
	struct space *space;
	struct memory *memory;
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = guest_create(NULL);
	memory = ram_create(600);
	assert_int_equal(MAP(space, PAGE_SIZE, 0, 600, ALL), STATUS_OK);
	for (u64 n = 1; n <= 600; n++)
		while (space_fault(space, n * PAGE_SIZE, PT_WRITE) == STATUS_AGAIN)
			;
	assert_int_equal(space_unmap(space, PAGE_SIZE, 600 * PAGE_SIZE), STATUS_AGAIN);
	assert_int_equal(space_fault(space, PAGE_SIZE, PT_WRITE), STATUS_BAD_STATE);
	assert_false(table_lookup(&space->table, PAGE_SIZE, &leaf));
	while (space_unmap(space, PAGE_SIZE, 600 * PAGE_SIZE) == STATUS_AGAIN)
		;
	assert_int_equal(space_fault(space, PAGE_SIZE, PT_WRITE), STATUS_NOT_FOUND);
	assert_int_equal(page_of(space->table.root.kernel)->references, 0);
	assert_int_equal(memory->object.references, 1);
}

static const struct mapping *mapping_find(struct space *space, u64 address)
{
	struct list *node = space_mapping_after(space, address);
	const struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

	return node == &space->mappings || address < mapping->at ? NULL : mapping;
}

static void test_random_places(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 last_end = 0;
	u64 bits_seen = 0;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(1024);
	for (unsigned int n = 0; n < 200; n++) {
		u64 count = n % 2 ? 1 + random_below(20) : 513;
		u64 offset = random_below(100);

		assert_int_equal(MAP(space, 0, offset, count, PT_READ), STATUS_OK);
		assert_true(at >= SPACE_USER_LOW && at + count * PAGE_SIZE <= SPACE_USER_HIGH);
		if (count > 512)
			assert_int_equal(at / PAGE_SIZE % 512, offset);
		bits_seen |= at;
	}
	assert_int_equal(bits_seen, BITS(46, 12));
	LIST_FOR_EACH(node, &space->mappings) {
		struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		assert_true(mapping->at >= last_end + PAGE_SIZE);
		last_end = mapping->at + space_mapping_bytes(mapping);
		assert_ptr_equal(mapping_find(space, mapping->at), mapping);
		assert_ptr_equal(mapping_find(space, last_end - 1), mapping);
		assert_null(mapping_find(space, last_end));
		assert_null(mapping_find(space, mapping->at - 1));
	}
}

/* Even with little room left the guard pages between mappings stay free. */
static void test_guards(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 last_end = 0;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(4);
	space->high = space->low + 64 * PAGE_SIZE;
	while (MAP(space, 0, 0, 3, PT_READ) == STATUS_OK)
		;
	assert_int_equal(MAP(space, 0, 0, 3, PT_READ), STATUS_IN_USE);
	assert_true(space->mapping_count > 5);
	LIST_FOR_EACH(node, &space->mappings) {
		const struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		assert_true(mapping->at >= MAX(last_end, space->low) + PAGE_SIZE);
		last_end = mapping->at + space_mapping_bytes(mapping);
		assert_true(last_end + PAGE_SIZE <= space->high);
	}
}

static void test_fault(void **state)
{
	struct space *space;
	struct memory *memory;
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = process_create(NULL);
	memory = ram_create(16);
	assert_int_equal(MAP(space, MIB, 4, 8, PT_READ), STATUS_OK);
	assert_int_equal(space_fault(space, MIB - 1, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(space_fault(space, MIB + 8 * PAGE_SIZE, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(space_fault(space, ~0ull, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(space_fault(space, MIB, PT_WRITE), STATUS_NO_RIGHT);
	assert_int_equal(space_fault(space, MIB, PT_EXECUTE), STATUS_NO_RIGHT);
	assert_int_equal(MAP(space, 2 * MIB, 0, 1, PT_READ | PT_EXECUTE), STATUS_OK);
	assert_int_equal(space_fault(space, 2 * MIB, PT_WRITE), STATUS_NO_RIGHT);
	assert_int_equal(page_counts[PAGE_GUEST], 0);
	assert_int_equal(space_fault(space, MIB + 2 * PAGE_SIZE + 5, PT_READ), STATUS_OK);
	assert_int_equal(space_fault(space, MIB + 2 * PAGE_SIZE + 5, PT_READ), STATUS_OK);
	assert_int_equal(page_counts[PAGE_GUEST], 1);
	assert_true(table_lookup(&space->table, MIB + 2 * PAGE_SIZE, &leaf));
	assert_int_equal(leaf.rights, PT_READ | PT_USER);
	assert_ptr_equal(hpa_to_pointer(leaf.hpa), memory_pointer(memory, 6));
	assert_false(table_lookup(&space->table, MIB + PAGE_SIZE, &leaf));
}

/* The kernel writes where the guest itself could, and nowhere else. */
static void test_guest_byte(void **state)
{
	struct space *space;
	struct memory *memory;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = guest_create(NULL);
	memory = ram_create(4);
	assert_int_equal(MAP(space, 0, 0, 3, ALL), STATUS_OK);
	assert_int_equal(MAP(space, MIB, 3, 1, PT_READ), STATUS_OK);
	assert_int_equal(space_fault(space, PAGE_SIZE, PT_WRITE), STATUS_OK);
	assert_int_equal(space_fault(space, MIB, PT_READ), STATUS_OK);
	assert_ptr_equal(space_guest_byte(space, PAGE_SIZE + 5), memory_pointer(memory, 1) + 5);
	assert_null(space_guest_byte(space, 2 * PAGE_SIZE)); /* the page is not populated yet */
	assert_null(space_guest_byte(space, MIB + 5));
	assert_null(space_guest_byte(space, 2 * MIB));
	assert_null(space_guest_byte(space, (1ull << 48) + PAGE_SIZE));
}

/* Large leaves where object, offset and address allow it, and nowhere else. */
static void test_leaf_sizes(void **state)
{
	static const struct {
		u64 at;
		u64 offset;
		u64 count;
		u64 touch; /* page of the mapping */
		enum pt_level level;
	} cases[] = {
		{64 * MIB, 0, 1500, 700, PT_LEVEL_2M},
		{64 * MIB, 0, 1500, 1030, PT_LEVEL_4K}, /* the object's last chunk is partial */
		{64 * MIB, 0, 1000, 600, PT_LEVEL_4K},	/* the mapping ends in the chunk */
		{64 * MIB, 512, 512, 0, PT_LEVEL_2M},
		{65 * MIB, 0, 1500, 0, PT_LEVEL_4K},
		{65 * MIB, 256, 900, 300, PT_LEVEL_2M},
		{65 * MIB, 256, 900, 255, PT_LEVEL_4K}, /* the mapping begins in the chunk */
		{65 * MIB, 256, 767, 300, PT_LEVEL_4K},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 touched = cases[i].at + cases[i].touch * PAGE_SIZE;
		struct memory *memory;
		struct space *space;
		struct pt_leaf leaf;
		u64 at;

		start(16 * MIB);
		space = guest_create(NULL);
		memory = ram_create(1500);
		assert_int_equal(MAP(space, cases[i].at, cases[i].offset, cases[i].count, ALL),
				 STATUS_OK);
		fault_settle(space, touched + 123, PT_WRITE);
		assert_true(table_lookup(&space->table, touched, &leaf));
		assert_int_equal(leaf.level, cases[i].level);
		assert_ptr_equal((u8 *)hpa_to_pointer(leaf.hpa) + (touched - leaf.at),
				 memory_pointer(memory, cases[i].offset + cases[i].touch));
	}
}

static void test_device(void **state)
{
	struct space *space;
	struct memory *memory;
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = guest_create(NULL);
	assert_int_equal(memory_create_physical(NULL, HPA(0xfee00000), 1, MEMORY_UNCACHED, &memory),
			 STATUS_OK);
	assert_int_equal(MAP(space, 0xfee00000, 0, 1, PT_READ | PT_WRITE), STATUS_OK);
	assert_int_equal(space_fault(space, 0xfee00020, PT_WRITE), STATUS_OK);
	assert_true(table_lookup(&space->table, 0xfee00000, &leaf));
	assert_int_equal(leaf.type, PT_TYPE_UC);
	assert_int_equal(leaf.hpa.value, 0xfee00000);
}

/* Creates, maps, touches and destroys; counts what was refused. */
static unsigned int try_everything(struct quota *quota)
{
	static const u64 places[] = {MIB, 4 * GIB, 600 * GIB};
	unsigned int refused = 0;
	struct space *space;
	struct memory *memory;
	u64 at;

	if (space_create_process(quota, &space) != STATUS_OK)
		return 1;
	if (memory_create(quota, PAGE_GUEST, 12, 0, &memory) == STATUS_OK) {
		for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
			if (MAP(space, places[i], 0, 12, PT_READ) != STATUS_OK)
				refused++;
			else if (space_fault(space, places[i], PT_READ) != STATUS_OK)
				refused++;
		}
		object_put(&memory->object);
	} else {
		refused++;
	}
	object_put(&space->object);
	return refused;
}

static void test_failing_allocation(void **state)
{
	static hpa_t held[8192];
	unsigned int refusals = 0;
	unsigned int refused;
	u64 before;
	u64 limit = 0;

	(void)state;
	start(16 * MIB);
	before = machine_free_pages();
	do {
		struct quota quota;

		machine_quota(&quota, limit++);
		refused = try_everything(&quota);
		refusals += refused != 0;
		machine_assert_clean(before, &quota);
	} while (refused != 0);
	/* 3 for the space; 12 pages; object, slots, mapping slab; 3 + 2 + 3 tables. */
	assert_int_equal(refusals, 3 + 12 + 3 + 8);

	limit = 0;
	do {
		size_t count = 0;

		assert_int_equal(page_reserve(12), STATUS_OK);
		while (machine_free_pages() > 12 + limit)
			assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &held[count++]),
					 STATUS_OK);
		page_unreserve(12);
		/* the machine is so small that page_reserve keeps no share for the kernel */
		page_total = 63;
		refused = try_everything(NULL);
		page_total = 16 * MIB / PAGE_SIZE;
		machine_settle();
		while (count != 0)
			page_free(held[--count], NULL);
		machine_assert_clean(before, NULL);
		limit++;
	} while (refused != 0);
}

static u64 seen_generation;
static u32 seen_mappings;

/* Another CPU notes, in the middle of an unmapping, by what it will know that nothing changed. */
static void note_what_is_mapped(struct space *space)
{
	seen_generation = space->generation;
	seen_mappings = space->mapping_count;
}

/*
 * A vCPU remembers that no mapping covers a page, with the generation and the number of mappings
 * that it read before its fault. If it read them while a mapping was removed, they do not come
 * again when the page is mapped anew.
 */
static void test_noted_while_unmapped(void **state)
{
	static const struct space_devices devices = {.flush = note_what_is_mapped};
	struct space *space;
	struct memory *memory;
	u64 at;

	(void)state;
	start(16 * MIB);
	space = guest_create(NULL);
	memory = ram_create(1);
	assert_int_equal(MAP(space, MIB, 0, 1, ALL), STATUS_OK);
	space->devices = &devices;
	unmap_all(space, MIB, PAGE_SIZE);
	space->devices = NULL;
	assert_int_equal(space_fault(space, MIB, PT_READ), STATUS_NOT_FOUND);
	assert_int_equal(MAP(space, MIB, 0, 1, ALL), STATUS_OK);
	assert_false(seen_generation == space->generation && seen_mappings == space->mapping_count);
	object_put(&memory->object);
	object_put(&space->object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_refusals),
		cmocka_unit_test(test_unmap_refusals),
		cmocka_unit_test(test_fault_while_unmapped),
		cmocka_unit_test(test_noted_while_unmapped),
		cmocka_unit_test(test_random_places),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_guest_byte),
		cmocka_unit_test(test_leaf_sizes),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
