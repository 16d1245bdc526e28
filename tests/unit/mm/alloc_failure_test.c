/* SPDX-License-Identifier: MIT */
/*
 * Each allocation in mm/ fails once: the operation under way reports it, changes nothing and can
 * be repeated; nothing leaks.
 */
#define page_alloc	    real_page_alloc
#define page_alloc_cleared  real_page_alloc_cleared
#define page_alloc_reserved real_page_alloc_reserved
#define page_reserve	    real_page_reserve
#include "mm/buddy.c"
#undef page_alloc
#undef page_alloc_cleared
#undef page_alloc_reserved
#undef page_reserve

enum status page_alloc(unsigned int order, enum page_owner owner, struct quota *quota, hpa_t *hpa);
enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer);
enum status page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa);
enum status page_reserve(u64 count);

#define MACHINE_HAS_BUDDY
#include "tests/unit/mm_machine.h"

#define RAM_BYTES (32 * MIB)
#define ALL	  (PT_READ | PT_WRITE | PT_EXECUTE)

static u64 calls;
static u64 fails_at; /* the number of the allocation that fails; 0: none does */
static u64 failures;

static bool fails(void)
{
	bool now = ++calls == fails_at;

	failures += now;
	return now;
}

enum status page_alloc(unsigned int order, enum page_owner owner, struct quota *quota, hpa_t *hpa)
{
	return fails() ? STATUS_NO_MEMORY : real_page_alloc(order, owner, quota, hpa);
}

enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer)
{
	return fails() ? STATUS_NO_MEMORY : real_page_alloc_cleared(order, owner, quota, pointer);
}

enum status page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa)
{
	/* single pages are certain once reserved: only larger blocks can be unavailable */
	return order != 0 && fails() ? STATUS_NO_MEMORY
				     : real_page_alloc_reserved(order, owner, hpa);
}

enum status page_reserve(u64 count)
{
	return fails() ? STATUS_NO_MEMORY : real_page_reserve(count);
}

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

/* Makes the call; if it fails, makes it again, and then it must succeed. */
#define DO(call)                                                                                   \
	do {                                                                                       \
		u64 before_call = failures;                                                        \
		enum status status_of_call;                                                        \
                                                                                                   \
		do                                                                                 \
			status_of_call = (call);                                                   \
		while (status_of_call == STATUS_AGAIN);                                            \
		if (status_of_call != STATUS_OK) {                                                 \
			assert_int_equal(status_of_call, STATUS_NO_MEMORY);                        \
			assert_int_equal(failures, before_call + 1);                               \
			do                                                                         \
				status_of_call = (call);                                           \
			while (status_of_call == STATUS_AGAIN);                                    \
		}                                                                                  \
		assert_int_equal(status_of_call, STATUS_OK);                                       \
	} while (0)

static void unmap(struct space *space, u64 at, u64 bytes)
{
	enum status status;

	do
		status = space_unmap(space, at, bytes);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

/* The life of a VM as mm/ sees it: RAM of several shapes, a second stage, a process. */
static void life(struct quota *quota)
{
	struct memory *ram;
	struct memory *small;
	struct memory *odd;
	struct space *guest;
	struct space *process;
	u64 at;

	DO(memory_create(quota, PAGE_GUEST, 1024, 0, &ram));
	DO(memory_create(quota, PAGE_PROCESS, 4, MEMORY_PINNED, &small));
	for (u64 page = 0; page < 4; page++)
		DO(memory_populate(small, page));
	DO(memory_create(quota, PAGE_PROCESS, 700, 0, &odd));
	DO(space_create_guest(quota, &format_npt, &guest));
	DO(space_create_process(quota, &process));
	DO(space_map(guest, 0, ram, 0, 1024, ALL, &at));
	DO(space_map(process, 0x400000, ram, 0, 1024, PT_READ | PT_WRITE, &at));
	DO(space_map(process, 0, odd, 0, 700, PT_READ | PT_WRITE, &at));
	DO(space_map(process, 0, small, 0, 4, PT_READ | PT_WRITE, &at));
	for (u64 page = 0; page < 1024; page += 100) {
		DO(space_fault(guest, page * PAGE_SIZE, PT_WRITE));
		DO(space_fault(process, 0x400000 + page * PAGE_SIZE, PT_WRITE));
	}
	DO(space_fault(process, at, PT_READ));
	unmap(guest, 0, 1024 * PAGE_SIZE);
	unmap(process, 0x400000, 1024 * PAGE_SIZE);
	object_put(&ram->object);
	object_put(&small->object);
	object_put(&odd->object);
	object_put(&guest->object);
	object_put(&process->object);
}

static void start(struct quota *quota)
{
	kernel_table.root.kernel = HPA(0x1000);
	machine_start(RAM_BYTES);
	machine_quota(quota, 100000);
	calls = 0;
	failures = 0;
}

static void test_each_fails_once(void **state)
{
	struct quota quota;
	u64 sites;
	u64 before;

	(void)state;
	fails_at = 0;
	start(&quota);
	life(&quota);
	sites = calls;
	assert_in_range(sites, 15, 200);
	for (fails_at = 1; fails_at <= sites; fails_at++) {
		start(&quota);
		before = machine_free_pages();
		life(&quota);
		assert_int_equal(failures, 1);
		machine_assert_clean(before, &quota);
	}
}

/* A failed call leaves the pointer NULL: callers go by it to clean up. */
static void test_no_half_a_space(void **state)
{
	struct space *space = NULL;
	struct quota quota;
	u64 before;

	(void)state;
	for (fails_at = 1;; fails_at++) {
		start(&quota);
		before = machine_free_pages();
		if (space_create_process(&quota, &space) == STATUS_OK)
			break;
		assert_int_equal(failures, 1);
		assert_null(space);
		machine_assert_clean(before, &quota);
	}
	assert_in_range(fails_at, 3, 10);
	object_put(&space->object);
	machine_assert_clean(before, &quota);
}

/* The quota ends at any point, with no second try: what was made so far can be taken down. */
static void test_quota_ends_anywhere(void **state)
{
	struct quota quota;

	(void)state;
	fails_at = 0;
	for (u64 limit = 0; limit < 1900; limit += limit < 40 ? 1 : 7) {
		struct memory *ram = NULL;
		struct space *guest = NULL;
		enum status status;
		u64 before;
		u64 at;

		start(&quota);
		quota.account->quota_pages = limit;
		before = machine_free_pages();
		status = memory_create(&quota, PAGE_GUEST, 700, 0, &ram);
		if (status == STATUS_OK)
			status = space_create_guest(&quota, &format_npt, &guest);
		if (status == STATUS_OK)
			status = space_map(guest, 0, ram, 0, 700, ALL, &at);
		for (u64 page = 0; status == STATUS_OK && page < 700; page++) {
			do
				status = space_fault(guest, page * PAGE_SIZE, PT_WRITE);
			while (status == STATUS_AGAIN);
		}
		assert_true(status == STATUS_OK || status == STATUS_NO_QUOTA);
		assert_true(quota.account->used_pages <= limit);
		if (guest != NULL)
			object_put(&guest->object);
		if (ram != NULL)
			object_put(&ram->object);
		machine_assert_clean(before, &quota);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fails_once),
		cmocka_unit_test(test_no_half_a_space),
		cmocka_unit_test(test_quota_ends_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
