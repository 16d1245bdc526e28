/* SPDX-License-Identifier: MIT */
/* Discarding guest RAM: pages come back, stay promised and read as zeros. */
#include "tests/unit/mm/layer_machine.h"

/* Makes all steps of a discard, which wait for nobody; returns the first error. */
static enum status discard(struct machine_vm *vm, u64 first, u64 count)
{
	enum status status = STATUS_OK;
	u32 steps = 0;

	while (status == STATUS_OK && count > 0) {
		u64 done = count;

		status = memory_discard(vm->ram, first, &done);
		assert_true(done != 0 && done <= count && ++steps < 100);
		first += done;
		count -= done;
	}
	return status;
}

static u64 absent(const struct machine_vm *vm)
{
	return vm->quota.account->absent_pages;
}

static void touch_all(struct machine_vm *vm, u64 count)
{
	for (u64 i = 0; i < count; i++)
		*in_guest(vm, i, PT_WRITE) = i + 1;
}

/* One page of a large block is discarded: it reads as zero in every space, its neighbours stay. */
static void test_page(void **state)
{
	struct machine_vm vm;
	struct pt_leaf leaf;
	u64 before;
	u64 used;
	u64 promised;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, PAGES);
	assert_int_equal(*in_monitor(&vm, 3, PT_READ), 4);
	assert_int_equal(absent(&vm), 0);
	used = vm.quota.account->pages[PAGE_GUEST];
	promised = reserved_count;
	assert_int_equal(discard(&vm, 3, 1), STATUS_OK);
	assert_int_equal(absent(&vm), 1);
	assert_int_equal(reserved_count, promised + 1);
	assert_int_equal(vm.quota.account->pages[PAGE_GUEST], used);
	assert_false(table_lookup(&vm.guest->table, AT + 3 * PAGE_SIZE, &leaf));
	assert_false(table_lookup(&vm.monitor->table, vm.at + 3 * PAGE_SIZE, &leaf));
	assert_null(memory_pointer(vm.ram, 3));

	assert_int_equal(*in_monitor(&vm, 3, PT_READ), 0);
	*in_monitor(&vm, 3, PT_WRITE) = 77;
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 77);
	for (u64 i = 0; i < PAGES; i++)
		assert_int_equal(*in_guest(&vm, i, PT_READ), i == 3 ? 77 : i + 1);
	assert_int_equal(absent(&vm), 0);
	assert_int_equal(reserved_count, promised);
	assert_int_equal(discard(&vm, 3, 1), STATUS_OK);
	assert_int_equal(discard(&vm, 3, 1), STATUS_OK); /* nothing is left of the page */
	assert_int_equal(absent(&vm), 1);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
	assert_int_equal(reserved_count, 0);
	assert_int_equal(absent(&vm), 0);
}

/* A range over the borders of blocks: what it covers whole goes whole, and comes back whole. */
static void test_range(void **state)
{
	struct machine_vm vm;
	u64 before;
	u64 left;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, PAGES);
	machine_settle();
	left = machine_free_pages();
	assert_int_equal(discard(&vm, 500, 600), STATUS_OK);
	assert_int_equal(absent(&vm), 600);
	machine_settle();
	/* the first block's slots came; tables of the spaces may have gone */
	assert_true(machine_free_pages() >= left + 600 - 1);
	assert_int_equal(vm.ram->chunks[1], 0);
	for (u64 i = 0; i < PAGES; i++)
		assert_int_equal(*in_guest(&vm, i, PT_READ), i < 500 || i >= 500 + 600 ? i + 1 : 0);
	assert_true(vm.ram->chunks[1] & CHUNK_LARGE);

	/* page by page, in an order that no range can make of it */
	for (u64 i = 0; i < 512; i++)
		assert_int_equal(discard(&vm, i * 5 % 512, 1), STATUS_OK);
	assert_int_equal(vm.ram->chunks[0], 0);
	*in_guest(&vm, 9, PT_WRITE) = 9;
	assert_true(vm.ram->chunks[0] & CHUNK_LARGE);
	/* a chunk that nobody has seen is passed over */
	assert_int_equal(discard(&vm, 0, PAGES), STATUS_OK);
	assert_int_equal(absent(&vm), PAGES);
	assert_int_equal(space_fault(vm.guest, AT, PT_WRITE), STATUS_AGAIN);
	assert_int_equal(discard(&vm, 0, PAGES), STATUS_OK);
	assert_int_equal(absent(&vm), PAGES - 512);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* Slots in the object itself. */
static void test_small(void **state)
{
	struct machine_vm vm;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, 8, 100);
	touch_all(&vm, 8);
	assert_int_equal(discard(&vm, 2, 6), STATUS_OK);
	assert_int_equal(absent(&vm), 6);
	assert_int_equal(*in_guest(&vm, 1, PT_READ), 2);
	assert_int_equal(*in_guest(&vm, 7, PT_READ), 0);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* A discard is over only when no other CPU sees what was there; what was touched since stays. */
static void test_waits(void **state)
{
	struct machine_vm vm;
	const u64 *page;
	u64 count = 8;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, 20);
	tlb_space_enter(vm.guest, 1);
	page = in_guest(&vm, 3, PT_READ);
	kicks = 0;
	assert_int_equal(memory_discard(vm.ram, 3, &count), STATUS_AGAIN);
	assert_int_equal(count, 8);
	assert_int_equal(kicks, 1);
	assert_int_equal(page_owner(pointer_to_hpa(page)), PAGE_GUEST);
	*in_monitor(&vm, 4, PT_WRITE) = 44;
	count = 9;
	assert_int_equal(memory_discard(vm.ram, 3, &count), STATUS_AGAIN);
	assert_int_equal(count, 8);
	pass();
	assert_int_equal(memory_discard(vm.ram, 3, &count), STATUS_OK);
	assert_int_equal(count, 8);
	assert_int_equal(*in_monitor(&vm, 4, PT_READ), 44);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 0);
	/* a caller that does not come back holds nobody up, also not at another place */
	count = 1;
	assert_int_equal(memory_discard(vm.ram, 12, &count), STATUS_AGAIN);
	assert_int_equal(*in_monitor(&vm, 12, PT_READ), 0);
	pass();
	count = 1;
	assert_int_equal(memory_discard(vm.ram, 14, &count), STATUS_AGAIN);
	pass();
	assert_int_equal(memory_discard(vm.ram, 14, &count), STATUS_OK);
	tlb_space_leave(vm.guest, 1);
	end_vm(&vm);
}

/* A discarded page can be touched again, whatever others have taken, or it stays. */
static void test_promise(void **state)
{
	struct machine_vm vm;
	u64 rest;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, PAGES);
	assert_int_equal(discard(&vm, 0, 512), STATUS_OK);
	machine_settle();
	rest = page_counts[PAGE_FREE] - reserved_count - page_total / KERNEL_SHARE;
	assert_int_equal(page_reserve(rest), STATUS_OK);
	assert_int_equal(page_reserve(1), STATUS_NO_MEMORY);
	*in_guest(&vm, 5, PT_WRITE) = 5;
	assert_int_equal(discard(&vm, 512, 512), STATUS_NO_MEMORY);
	assert_int_equal(*in_guest(&vm, 600, PT_READ), 601);
	page_unreserve(3);
	/* the other pages are on their way back */
	assert_int_equal(discard(&vm, 1024, 5), STATUS_NO_MEMORY);
	assert_int_equal(*in_guest(&vm, 1026, PT_READ), 0);
	assert_int_equal(*in_guest(&vm, 1027, PT_READ), 1028);
	machine_settle();
	assert_int_equal(discard(&vm, 1027, 2), STATUS_OK);
	page_unreserve(rest - 3);
	end_vm(&vm);
}

/* Nobody pays for pages on their way back: who gives and takes without end has to wait. */
static void test_pace(void **state)
{
	struct machine_vm vm;
	u32 rounds = 0;

	(void)state;
	machine_start(64 * MIB);
	make_vm(&vm, PAGES, 4000);
	do
		touch_all(&vm, PAGES);
	while (discard(&vm, 0, PAGES) == STATUS_OK && ++rounds < 20);
	assert_int_equal(rounds, 3);
	assert_true(tlb_pages_waiting() <= WAITING_MAX + 512);
	machine_settle();
	assert_int_equal(discard(&vm, 0, PAGES), STATUS_OK);
	end_vm(&vm);
}

static void test_refused(void **state)
{
	struct machine_vm vm;
	struct memory *memory;
	struct space *space;
	u64 count = 1;
	u64 at;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, 4);
	assert_int_equal(discard(&vm, PAGES, 1), STATUS_BAD_ADDRESS);
	assert_int_equal(discard(&vm, PAGES - 1, 2), STATUS_BAD_ADDRESS);
	assert_int_equal(discard(&vm, 1, ~0ull), STATUS_BAD_ADDRESS);
	count = 0;
	assert_int_equal(memory_discard(vm.ram, 0, &count), STATUS_BAD_ADDRESS);

	assert_int_equal(space_create_guest(&vm.quota, &format_ept, &space), STATUS_OK);
	for (u64 i = 2; i <= DISCARD_MAPPINGS_MAX; i++)
		assert_int_equal(space_map(space, i * MIB, vm.ram, 0, 20, PT_READ, &at), STATUS_OK);
	assert_int_equal(discard(&vm, 3, 1), STATUS_TOO_BIG);
	object_put(&space->object);
	assert_int_equal(discard(&vm, 3, 1), STATUS_OK);

	count = 1;
	assert_int_equal(memory_create(&vm.quota, PAGE_PROCESS, 20, 0, &memory), STATUS_OK);
	assert_int_equal(memory_discard(memory, 0, &count), STATUS_BAD_STATE);
	object_put(&memory->object);
	assert_int_equal(memory_wrap(NULL, HPA(0x8000), 4, &memory), STATUS_OK);
	assert_int_equal(memory_discard(memory, 0, &count), STATUS_BAD_STATE);
	object_put(&memory->object);

	/* a page below would show again */
	(void)freeze(&vm);
	*in_guest(&vm, 2, PT_WRITE) = 22;
	assert_int_equal(discard(&vm, 2, 1), STATUS_BAD_STATE);
	assert_int_equal(memory_discard(vm.ram->below, 2, &count), STATUS_BAD_STATE);
	end_vm(&vm);

	/* a device may be at work there */
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, 4);
	assert_int_equal(memory_hold(vm.ram, 3, 1), STATUS_OK);
	assert_int_equal(discard(&vm, 2, 1), STATUS_BAD_STATE);
	assert_int_equal(*in_guest(&vm, 2, PT_READ), 3);
	end_vm(&vm);
}

/* A freeze after a discard that nobody finished waits for the same CPUs. */
static void test_freeze(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 count = 1;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, PAGES, 4000);
	touch_all(&vm, 4);
	tlb_space_enter(vm.guest, 1);
	assert_int_equal(memory_discard(vm.ram, 3, &count), STATUS_AGAIN);
	tlb_space_leave(vm.guest, 1);
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	pass();
	frozen = freeze(&vm);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 0);
	assert_int_equal(*in_guest(&vm, 2, PT_READ), 3);
	*in_guest(&vm, 3, PT_WRITE) = 9;
	assert_no_writable_leaf(vm.guest, frozen);
	end_vm(&vm);
}

/* Overcommitted RAM is charged as it is touched, also in layers, until it is given back. */
static void test_overcommit(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 *guest;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	machine_quota(&vm.quota, 200);
	guest = &vm.quota.account->pages[PAGE_GUEST];
	assert_int_equal(memory_create(&vm.quota, PAGE_GUEST, 100 * PAGES,
				       MEMORY_HUGE | MEMORY_OVERCOMMIT, &vm.ram),
			 STATUS_OK);
	map_ram(&vm);
	assert_int_equal(*guest + reserved_count, 0);
	touch_all(&vm, 100);
	assert_int_equal(*guest, 100);
	assert_int_equal(vm.ram->promised, 100);
	assert_int_equal(reserved_count + absent(&vm), 0);
	assert_int_equal(discard(&vm, 10, 20), STATUS_OK);
	machine_settle();
	assert_int_equal(*guest, 80);
	assert_int_equal(reserved_count + absent(&vm), 0);

	frozen = freeze(&vm);
	assert_int_equal(*guest, 80);
	assert_int_equal(frozen->promised, 80);
	assert_int_equal(vm.ram->promised + reserved_count + absent(&vm), 0);
	touch_all(&vm, 10);
	assert_int_equal(*guest, 90);
	assert_int_equal(vm.ram->present, 10);
	/* the last pages are for tables and objects */
	vm.quota.account->quota_pages = vm.quota.account->used_pages + MEMORY_SPARE_PAGES - 1;
	assert_int_equal(space_fault(vm.guest, AT + 50 * PAGE_SIZE, PT_WRITE), STATUS_NO_QUOTA);
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_WRITE), STATUS_OK);
	assert_int_equal(*in_guest(&vm, 50, PT_READ), 51);
	assert_int_equal(*guest, 90);
	vm.quota.account->quota_pages++;
	*in_guest(&vm, 50, PT_WRITE) = 5;
	assert_int_equal(*guest, 91);
	reset(&vm);
	assert_int_equal(*in_guest(&vm, 50, PT_READ), 51);
	*in_guest(&vm, 50, PT_WRITE) = 6; /* the guest has kept the page */
	assert_int_equal(*guest, 91);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* Makes all steps of a trim; returns the status of the first step that fails. */
static enum status trim(struct machine_vm *vm)
{
	enum status status = STATUS_OK;
	u64 given;
	u64 done;

	for (u64 first = 0; status == STATUS_OK && first < vm->ram->page_count; first += done) {
		u32 steps = 0;

		do {
			done = vm->ram->page_count - first;
			status = memory_trim(vm->ram, first, &done, &given);
			pass();
		} while (status == STATUS_AGAIN && ++steps < 100);
		assert_true(done != 0);
	}
	return status;
}

/* 100 pages, the odd ones without content. */
static void make_sparse(struct machine_vm *vm)
{
	machine_quota(&vm->quota, 3000);
	assert_int_equal(memory_create(&vm->quota, PAGE_GUEST, PAGES, MEMORY_OVERCOMMIT, &vm->ram),
			 STATUS_OK);
	map_ram(vm);
	for (u64 i = 0; i < 100; i++)
		*in_guest(vm, i, PT_WRITE) = i % 2 == 0 ? i + 1 : 0;
}

/* Pages of zeros go, and no others; nothing in the guest could tell. */
static void test_trim(void **state)
{
	struct machine_vm vm;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_sparse(&vm);
	(in_guest(&vm, 98, PT_WRITE))[511] = 5;
	*in_guest(&vm, 98, PT_WRITE) = 0; /* zero, but for its last word */
	(void)in_monitor(&vm, 11, PT_WRITE);
	assert_int_equal(vm.ram->present, 100);
	assert_int_equal(trim(&vm), STATUS_OK);
	assert_int_equal(vm.ram->present, 50);
	machine_settle();
	assert_int_equal(vm.quota.account->pages[PAGE_GUEST], 50);
	for (u64 i = 0; i < 98; i++)
		assert_int_equal(*in_monitor(&vm, i, PT_READ), i % 2 == 0 ? i + 1 : 0);
	assert_int_equal((in_guest(&vm, 98, PT_READ))[511], 5);
	for (u64 i = 0; i < 100; i++)
		*in_guest(&vm, i, PT_WRITE) = 0;
	(in_guest(&vm, 98, PT_WRITE))[511] = 0;
	assert_int_equal(trim(&vm), STATUS_OK);
	assert_int_equal(vm.ram->present, 0);
	assert_int_equal(vm.ram->chunks[0], 0); /* the chunk has not even slots any more */
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* A guest that writes during a trim, by an old translation or a new one, loses nothing. */
static void test_trim_writes(void **state)
{
	struct machine_vm vm;
	u64 count = 32;
	u64 given;
	u64 *old[4];

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_sparse(&vm);
	for (u64 i = 0; i < 4; i++)
		old[i] = in_guest(&vm, 2 * i + 1, PT_WRITE);
	tlb_space_enter(vm.guest, 1);
	assert_int_equal(memory_trim(vm.ram, 0, &count, &given), STATUS_AGAIN);
	assert_int_equal(count, 32);
	*old[0] = 100; /* CPU 1, which has not noticed yet */
	*old[1] = 101;
	assert_ptr_equal(in_monitor(&vm, 3, PT_READ), old[1]);
	assert_ptr_equal(in_guest(&vm, 5, PT_READ), old[2]); /* touched, without content */
	assert_int_equal(memory_trim(vm.ram, 0, &count, &given), STATUS_AGAIN);
	pass();
	assert_int_equal(memory_trim(vm.ram, 0, &count, &given), STATUS_OK);
	assert_int_equal(given, 16 - 3);
	assert_int_equal(vm.ram->present, 100 - 16 + 3);
	assert_int_equal(*in_guest(&vm, 1, PT_READ), 100);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 101);
	assert_ptr_equal(in_guest(&vm, 5, PT_READ), old[2]);
	assert_null(memory_pointer(vm.ram, 7));
	tlb_space_leave(vm.guest, 1);
	end_vm(&vm);
}

/* A step that nobody finishes is followed by others: a freeze, the end. */
static void test_trim_unfinished(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 count = 32;
	u64 given;
	u64 before;
	u64 *old;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_sparse(&vm);
	old = in_guest(&vm, 1, PT_WRITE);
	tlb_space_enter(vm.guest, 1);
	assert_int_equal(memory_trim(vm.ram, 0, &count, &given), STATUS_AGAIN);
	*old = 100;
	assert_int_equal(memory_trim(vm.ram, 32, &count, &given), STATUS_AGAIN);
	assert_ptr_equal(memory_pointer(vm.ram, 1), old); /* there was no step for this page */
	assert_null(memory_pointer(vm.ram, 33));
	assert_int_equal(discard(&vm, 35, 1), STATUS_AGAIN);
	tlb_space_leave(vm.guest, 1);
	pass();
	frozen = freeze(&vm);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 1), 100);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 33), 0);
	assert_int_equal(frozen->present, 99);
	assert_int_equal(memory_trim(vm.ram, 0, &count, &given), STATUS_BAD_STATE);
	end_vm(&vm);

	machine_start(32 * MIB);
	before = machine_free_pages();
	make_sparse(&vm);
	count = 32;
	assert_int_equal(memory_trim(vm.ram, 32, &count, &given), STATUS_AGAIN);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trim), cmocka_unit_test(test_trim_writes),
		cmocka_unit_test(test_trim_unfinished),
		cmocka_unit_test(test_page),	cmocka_unit_test(test_range),
		cmocka_unit_test(test_small),	cmocka_unit_test(test_waits),
		cmocka_unit_test(test_promise), cmocka_unit_test(test_pace),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_overcommit),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
