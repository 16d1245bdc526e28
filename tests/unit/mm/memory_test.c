/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: chunks of all shapes are populated, bounded and destroyed in steps, also when
 * allocations fail.
 */
#include "tests/unit/mm_machine.h"

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

static enum status populate_all_steps(struct memory *memory, u64 index, unsigned int *steps)
{
	enum status status;

	*steps = 0;
	do {
		status = memory_populate(memory, index);
		++*steps;
	} while (status == STATUS_AGAIN);
	return status;
}

static void assert_zero_page(struct memory *memory, u64 index)
{
	static const u8 zero[PAGE_SIZE];
	const void *page = memory_pointer(memory, index);

	assert_non_null(page);
	assert_memory_equal(page, zero, PAGE_SIZE);
}

/* Objects of all shapes: each page is absent, then zero, then distinct; all are freed. */
static void test_shapes(void **state)
{
	static const u64 shapes[] = {1,	  7,	8,	 9,	      511,    512,
				     513, 1024, 8 * 512, 8 * 512 + 1, 9 * 512};
	struct quota quota;
	u64 before;

	(void)state;
	machine_start(64 * MIB);
	before = machine_free_pages();
	machine_quota(&quota, 12000);
	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		struct memory *memory;
		unsigned int steps;

		assert_int_equal(memory_create(&quota, PAGE_GUEST, shapes[i], 0, &memory),
				 STATUS_OK);
		assert_int_equal(quota.account->pages[PAGE_GUEST], shapes[i]);
		assert_int_equal(page_counts[PAGE_GUEST], 0);
		for (u64 index = 0; index < shapes[i]; index++) {
			u64 *page;

			assert_int_equal(quota.account->absent_pages,
					 shapes[i] - page_counts[PAGE_GUEST]);
			if (memory_pointer(memory, index) == NULL)
				assert_int_equal(populate_all_steps(memory, index, &steps),
						 STATUS_OK);
			else
				assert_int_not_equal(index % 512, 0);
			assert_zero_page(memory, index);
			page = memory_pointer(memory, index);
			memset(page, 0x77, PAGE_SIZE);
			page[0] = index;
		}
		for (u64 index = 0; index < shapes[i]; index++)
			assert_int_equal(*(u64 *)memory_pointer(memory, index), index);
		assert_int_equal(page_counts[PAGE_GUEST], shapes[i]);
		assert_int_equal(reserved_count, 0);
		object_put(&memory->object);
		machine_assert_clean(before, &quota);
		assert_int_equal(quota.account->absent_pages, 0);
		/* an object that nobody has touched */
		assert_int_equal(memory_create(&quota, PAGE_GUEST, shapes[i], 0, &memory),
				 STATUS_OK);
		object_put(&memory->object);
		machine_assert_clean(before, &quota);
		assert_int_equal(quota.account->absent_pages, 0);
	}
}

/* A large block is cleared in steps and not visible before all of it is zero. */
static void test_large_chunk(void **state)
{
	struct memory *memory;
	enum pt_level level;
	unsigned int steps;
	hpa_t hpa;

	(void)state;
	machine_start(16 * MIB);
	assert_int_equal(memory_create(NULL, PAGE_GUEST, 600, 0, &memory), STATUS_OK);
	assert_false(memory_slot(memory, 5, &hpa, &level));
	assert_int_equal(memory_populate(memory, 5), STATUS_AGAIN);
	assert_false(memory_slot(memory, 5, &hpa, &level));
	assert_null(memory_pointer(memory, 0));
	assert_int_equal(populate_all_steps(memory, 300, &steps), STATUS_OK);
	assert_int_equal(steps, 512 / 32 - 1);
	assert_true(memory_slot(memory, 5, &hpa, &level));
	assert_int_equal(level, PT_LEVEL_2M);
	assert_int_equal(hpa.value % (2 * MIB), 5 * PAGE_SIZE);
	/* The object's end does not fill a chunk. */
	assert_int_equal(memory_populate(memory, 599), STATUS_OK);
	assert_true(memory_slot(memory, 599, &hpa, &level));
	assert_int_equal(level, PT_LEVEL_4K);
	assert_false(memory_slot(memory, 598, &hpa, &level));
}

static void test_metadata_is_small(void **state)
{
	struct quota quota;
	struct memory *memory;
	unsigned int steps;
	u64 before;

	(void)state;
	machine_start(160 * MIB);
	before = machine_free_pages();
	machine_quota(&quota, 40000);
	assert_int_equal(memory_create(&quota, PAGE_GUEST, 128 * MIB / PAGE_SIZE, 0, &memory),
			 STATUS_OK);
	for (u64 index = 0; index < 128 * MIB / PAGE_SIZE; index += 512)
		assert_int_equal(populate_all_steps(memory, index, &steps), STATUS_OK);
	/* The pages are one page of chunk words, and the slab that holds the object. */
	assert_int_equal(quota.account->pages[PAGE_KERNEL], 2);
	object_put(&memory->object);
	machine_assert_clean(before, &quota);
}

/* Without a 2-MiB block single pages are used; what was reserved is always available. */
static void test_fragmented(void **state)
{
	static hpa_t held[4096];
	size_t count = 0;
	struct memory *memory;
	enum pt_level level;
	u64 before;
	hpa_t hpa;

	(void)state;
	machine_start(16 * MIB);
	while (page_alloc(0, PAGE_KERNEL, NULL, &hpa) == STATUS_OK)
		held[count++] = hpa;
	for (size_t i = 0; i < count; i++)
		if (held[i].value / PAGE_SIZE % 2 == 0)
			page_free(held[i], NULL);
	before = machine_free_pages();
	assert_int_equal(memory_create(NULL, PAGE_GUEST, 1024, 0, &memory), STATUS_OK);
	for (u64 index = 0; index < 1024; index++) {
		assert_int_equal(memory_populate(memory, index), STATUS_OK);
		assert_zero_page(memory, index);
		assert_true(memory_slot(memory, index, &hpa, &level));
		assert_int_equal(level, PT_LEVEL_4K);
	}
	object_put(&memory->object);
	machine_assert_clean(before, NULL);
}

static void test_too_large(void **state)
{
	struct memory *memory;
	struct quota quota;
	u64 before;

	(void)state;
	machine_start(16 * MIB);
	before = machine_free_pages();
	machine_quota(&quota, 1ull << 40);
	assert_int_equal(memory_create(&quota, PAGE_GUEST, before, 0, &memory), STATUS_NO_MEMORY);
	assert_panics((void)!memory_create(&quota, PAGE_GUEST, 0, 0, &memory));
	assert_panics((void)!memory_create(&quota, PAGE_GUEST, MEMORY_PAGES_MAX + 1, 0, &memory));
	quota.account->quota_pages = 100;
	assert_int_equal(memory_create(&quota, PAGE_GUEST, 101, 0, &memory), STATUS_NO_QUOTA);
	machine_assert_clean(before, &quota);
	/* Only one of the two objects fits: the second is refused although nothing is populated. */
	assert_int_equal(memory_create(NULL, PAGE_GUEST, before / 2 + 1, 0, &memory), STATUS_OK);
	assert_int_equal(memory_create(NULL, PAGE_GUEST, before / 2 + 1, 0, &memory),
			 STATUS_NO_MEMORY);
}

static void test_populate_everything(void **state)
{
	struct memory *memory;
	unsigned int steps;
	struct quota quota;
	u64 before;

	(void)state;
	machine_start(16 * MIB);
	before = machine_free_pages();
	machine_quota(&quota, 4000);
	assert_int_equal(memory_create(&quota, PAGE_PROCESS, 700, 0, &memory), STATUS_OK);
	for (u64 index = 0; index < 700; index++)
		assert_int_equal(populate_all_steps(memory, index, &steps), STATUS_OK);
	assert_int_equal(page_counts[PAGE_PROCESS], 700);
	for (u64 index = 0; index < 700; index++)
		assert_zero_page(memory, index);
	object_put(&memory->object);
	machine_assert_clean(before, &quota);

	/* Destroyed half way through clearing. */
	assert_int_equal(memory_create(&quota, PAGE_PROCESS, 700, 0, &memory), STATUS_OK);
	for (unsigned int n = 0; n < 10; n++)
		assert_int_equal(memory_populate(memory, 0), STATUS_AGAIN);
	object_put(&memory->object);
	machine_assert_clean(before, &quota);
}

static void test_fixed(void **state)
{
	struct memory *memory;
	enum pt_level level;
	hpa_t hpa;

	(void)state;
	machine_start(16 * MIB);
	/* The range is RAM, beyond MAXPHYADDR, not aligned, or too long. */
	assert_int_equal(memory_create_physical(NULL, HPA(15 * MIB), 257, 0, &memory),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(memory_create_physical(NULL, HPA(0), 1, 0, &memory), STATUS_BAD_ADDRESS);
	assert_int_equal(memory_create_physical(NULL, HPA(16 * MIB + 1), 1, 0, &memory),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(memory_create_physical(NULL, HPA((1ull << MACHINE_WIDTH) - PAGE_SIZE), 2,
						0, &memory),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(memory_create_physical(NULL, HPA(~PAGE_MASK), 2, 0, &memory),
			 STATUS_BAD_ADDRESS);
	assert_int_equal(memory_create_physical(NULL, HPA(GIB), 1ull << 52, 0, &memory),
			 STATUS_TOO_BIG);
	assert_int_equal(
		memory_create_physical(NULL, HPA(GIB - PAGE_SIZE), 514, MEMORY_UNCACHED, &memory),
		STATUS_OK);
	assert_int_equal(memory->type, PT_TYPE_UC);
	assert_true(memory_slot(memory, 0, &hpa, &level));
	assert_int_equal(hpa.value, GIB - PAGE_SIZE);
	assert_int_equal(level, PT_LEVEL_4K);
	assert_true(memory_slot(memory, 512, &hpa, &level));
	assert_int_equal(hpa.value, GIB + 511 * PAGE_SIZE);
	assert_int_equal(level, PT_LEVEL_2M);
	assert_true(memory_slot(memory, 513, &hpa, &level));
	assert_int_equal(level, PT_LEVEL_4K);
	assert_int_equal(memory_populate(memory, 513), STATUS_OK);
	object_put(&memory->object);
	assert_int_equal(memory_wrap(NULL, HPA(2 * MIB), 3, &memory), STATUS_OK);
	assert_ptr_equal(memory_pointer(memory, 2), machine_ram + 2 * MIB + 2 * PAGE_SIZE);
	object_put(&memory->object);
}

/* Destroying takes bounded steps, and no page is reused before the CPUs have passed. */
static void test_destroy_in_steps(void **state)
{
	struct memory *memory;
	unsigned int steps = 1;
	u64 waiting = 0;

	(void)state;
	machine_start(16 * MIB);
	assert_int_equal(memory_create(NULL, PAGE_GUEST, 511, 0, &memory), STATUS_OK);
	for (u64 index = 0; index < 511; index++)
		assert_int_equal(memory_populate(memory, index), STATUS_OK);
	while (memory_destroy(memory) == STATUS_AGAIN) {
		u64 index = 0;
		u64 listed = 0;
		hpa_t hpa;

		assert_true(tlb_pages_waiting() - waiting <= 64);
		waiting = tlb_pages_waiting();
		steps++;
		/* pages that another may have by now are no longer the object's */
		while (index < 511)
			listed += memory_walk(memory, &index, &hpa);
		assert_int_equal(listed, 511 - waiting);
	}
	assert_int_equal(steps, 8);
	assert_int_equal(tlb_pages_waiting(), 511);
	assert_int_equal(page_counts[PAGE_GUEST], 511);
	machine_settle();
	assert_int_equal(page_counts[PAGE_GUEST], 0);
}

/* Pages that were never touched, as most of a clone's, cost a step next to nothing. */
static void test_destroy_sparse(void **state)
{
	struct memory *memory;
	u64 before;

	(void)state;
	machine_start(16 * MIB);
	before = machine_free_pages();
	assert_int_equal(memory_create(NULL, PAGE_GUEST, 511, 0, &memory), STATUS_OK);
	for (u64 index = 0; index < 511; index += 170)
		assert_int_equal(memory_populate(memory, index), STATUS_OK);
	assert_int_equal(memory_destroy(memory), STATUS_OK);
	assert_int_equal(tlb_pages_waiting(), 4);
	machine_settle();
	machine_assert_clean(before, NULL);
}

/* The slots that a step looks at are bounded, too, however few pages they hold. */
static void test_destroy_looks_at_few(void **state)
{
	const u64 page_count = 64 * 512;
	struct quota quota;
	struct memory *memory;
	u64 before, from;
	enum status status;

	(void)state;
	machine_start(16 * MIB);
	before = machine_free_pages();
	machine_quota(&quota, 1000);
	assert_int_equal(memory_create(&quota, PAGE_GUEST, page_count, MEMORY_OVERCOMMIT, &memory),
			 STATUS_OK);
	for (u64 index = 0; index < page_count; index += 512)
		assert_int_equal(memory_populate(memory, index), STATUS_OK);
	do {
		from = memory->destroy_cursor;
		status = memory_destroy(memory);
		if (status == STATUS_AGAIN)
			assert_in_range(memory->destroy_cursor - from, 1, 64 * 64);
	} while (status == STATUS_AGAIN);
	assert_in_range(page_count - from, 1, 64 * 64);
	assert_int_equal(tlb_pages_waiting(), 64);
	machine_settle();
	machine_assert_clean(before, &quota);
}

static void try_everything(struct quota *quota, unsigned int *refused)
{
	struct memory *memory;
	enum status status = memory_create(quota, PAGE_GUEST, 9 * 512 + 3, 0, &memory);

	if (status != STATUS_OK) {
		++*refused;
		return;
	}
	for (u64 index = 0; index < memory->page_count; index += 256) {
		do
			status = memory_populate(memory, index);
		while (status == STATUS_AGAIN);
		if (status != STATUS_OK) {
			assert_null(memory_pointer(memory, index));
			++*refused;
		}
	}
	object_put(&memory->object);
}

static void test_failing_allocation(void **state)
{
	unsigned int refused = 0;
	unsigned int last = 1;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	for (u64 limit = 9 * 512; last != 0; limit++) {
		struct quota quota;

		last = 0;
		machine_quota(&quota, limit);
		try_everything(&quota, &last);
		refused += last;
		machine_assert_clean(before, &quota);
	}
	/*
	 * The allocations that can fail: charge, object, chunk words, the slots of the last chunk.
	 */
	assert_int_equal(refused, 3 + 3);

	/* Almost no page is left beyond the reserved ones. */
	for (u64 left = 0; left < 6; left++) {
		static hpa_t held[8192];
		size_t count = 0;
		struct memory *reserve;

		last = 0;
		assert_int_equal(memory_create(NULL, PAGE_GUEST, 3000, 0, &reserve), STATUS_OK);
		while (machine_free_pages() - reserved_count > left)
			assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &held[count++]),
					 STATUS_OK);
		for (u64 index = 0; index < 3000; index++) {
			enum status status;

			do
				status = memory_populate(reserve, index);
			while (status == STATUS_AGAIN);
			assert_true(status == STATUS_OK ||
				    (status == STATUS_NO_MEMORY &&
				     memory_pointer(reserve, index) == NULL));
		}
		try_everything(NULL, &last);
		assert_int_equal(last, 1);
		while (count != 0)
			page_free(held[--count], NULL);
		object_put(&reserve->object);
		machine_assert_clean(before, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_large_chunk),
		cmocka_unit_test(test_metadata_is_small),
		cmocka_unit_test(test_fragmented),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_populate_everything),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_destroy_in_steps),
		cmocka_unit_test(test_destroy_sparse),
		cmocka_unit_test(test_destroy_looks_at_few),
		cmocka_unit_test(test_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
