/* SPDX-License-Identifier: MIT */
/* The neighbours of a page that a guest writes to: when they are shown to it, and how. */
#include "tests/unit/mm/layer_machine.h"

static struct pt_leaf leaf_of(struct space *space, u64 at)
{
	struct pt_leaf leaf = {0};

	(void)table_lookup(&space->table, at, &leaf);
	return leaf;
}

/* Counts the guest's pages of the first block that have leaves of their own with these rights. */
static u64 shown(struct machine_vm *vm, u32 rights)
{
	u64 count = 0;

	for (u64 i = 0; i < 512; i++) {
		struct pt_leaf leaf;

		if (table_lookup(&vm->guest->table, AT + i * PAGE_SIZE, &leaf) &&
		    leaf.level == PT_LEVEL_4K && leaf.rights == rights)
			count++;
	}
	return count;
}

/* A VM whose first block is frozen and holds each page's number; no page is mapped. */
static u64 begin(struct machine_vm *vm, struct memory **frozen)
{
	u64 before;

	machine_start(32 * MIB);
	kicks = 0;
	before = machine_free_pages();
	make_vm(vm, PAGES, 4000);
	(void)in_guest(vm, 0, PT_WRITE);
	for (u64 i = 0; i < 512; i++)
		*(u64 *)memory_pointer(vm->ram, i) = i;
	*frozen = freeze(vm);
	assert_int_equal(leaf_of(vm->guest, AT).rights, 0);
	return before;
}

static void finish(struct machine_vm *vm, u64 before)
{
	end_vm(vm);
	machine_assert_clean(before, &vm->quota);
	assert_int_equal(reserved_count, 0);
}

/* One write, and all of the block is shown: the page for writing, the others for reading. */
static void test_shown(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 before, seen, tables;

	(void)state;
	before = begin(&vm, &frozen);
	(void)in_guest(&vm, 1090, PT_READ); /* the tables above, and a page of its own */
	machine_settle();
	tables = vm.quota.account->pages[PAGE_TABLE];
	seen = vm.guest->generation;
	*in_guest(&vm, 3, PT_WRITE) = 333;
	assert_true(tlb_must_flush(vm.guest, &seen));
	assert_int_equal(vm.quota.account->pages[PAGE_TABLE], tables + 1);
	assert_int_equal(shown(&vm, PT_READ | PT_EXECUTE), 511);
	assert_int_equal(shown(&vm, PT_READ | PT_WRITE | PT_EXECUTE), 1);
	for (u64 i = 0; i < 512; i++) {
		const u64 *page = hpa_to_pointer(leaf_of(vm.guest, AT + i * PAGE_SIZE).hpa);

		assert_int_equal(*page, i == 3 ? 333 : i);
		assert_int_equal(page == memory_pointer(frozen, i), i != 3);
	}
	assert_int_equal(leaf_of(vm.guest, AT + 512 * PAGE_SIZE).rights, 0);
	assert_int_equal(vm.ram->present, 2);
	assert_no_writable_leaf(vm.guest, frozen);

	/* a neighbour: its leaf goes, by a flush, before it is the guest's own */
	assert_false(tlb_must_flush(vm.guest, &seen));
	*in_guest(&vm, 4, PT_WRITE) = 444;
	assert_true(tlb_must_flush(vm.guest, &seen));
	assert_int_equal(shown(&vm, PT_READ | PT_EXECUTE), 510);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 4), 4);
	assert_int_equal(kicks, 0);

	/* the monitor writes to what only the guest shows: the guest's leaf goes */
	*in_monitor(&vm, 5, PT_WRITE) = 555;
	assert_int_equal(leaf_of(vm.guest, AT + 5 * PAGE_SIZE).rights, 0);
	assert_int_equal(*in_guest(&vm, 5, PT_READ), 555);
	assert_no_writable_leaf(vm.monitor, frozen);

	reset(&vm);
	for (u64 i = 0; i < 512; i++)
		assert_int_equal(*in_guest(&vm, i, PT_READ), i);
	assert_int_equal(shown(&vm, PT_READ | PT_EXECUTE), 512);
	finish(&vm, before);
}

/* While another CPU runs the guest they are not shown: a write to one would have to kick it. */
static void test_other_cpu(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 before;

	(void)state;
	before = begin(&vm, &frozen);
	tlb_space_enter(vm.guest, 1);
	*in_guest(&vm, 3, PT_WRITE) = 333;
	assert_int_equal(shown(&vm, PT_READ | PT_EXECUTE), 0);
	assert_int_equal(kicks, 0);
	tlb_space_leave(vm.guest, 1);
	/* the running CPU is no other one */
	tlb_space_enter(vm.guest, 0);
	*in_guest(&vm, 512 + 3, PT_WRITE) = 333;
	tlb_space_leave(vm.guest, 0);
	assert_no_writable_leaf(vm.guest, frozen);
	finish(&vm, before);
}

/* A CPU that comes in between two writes has seen the neighbours: it is waited for. */
static void test_cpu_between(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	enum status status;
	u64 before;

	(void)state;
	before = begin(&vm, &frozen);
	*in_guest(&vm, 3, PT_WRITE) = 333;
	tlb_space_enter(vm.guest, 1);
	status = space_fault(vm.guest, AT + 4 * PAGE_SIZE, PT_WRITE);
	assert_int_equal(status, STATUS_AGAIN);
	assert_int_equal(leaf_of(vm.guest, AT + 4 * PAGE_SIZE).rights, 0);
	assert_int_equal(kicks, 1);
	status = space_fault(vm.guest, AT + 4 * PAGE_SIZE, PT_WRITE);
	assert_int_equal(status, STATUS_AGAIN);
	assert_int_equal(vm.ram->present, 1);
	pass();
	*in_guest(&vm, 4, PT_WRITE) = 444;
	tlb_space_leave(vm.guest, 1);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 4), 4);
	finish(&vm, before);
}

/* What the mapping does not let the guest execute does not become executable by a split. */
static void test_rights(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 at, before;

	(void)state;
	before = begin(&vm, &frozen);
	while (space_unmap(vm.guest, AT, PAGES * PAGE_SIZE) == STATUS_AGAIN)
		;
	assert_int_equal(space_map(vm.guest, AT, vm.ram, 0, PAGES, PT_READ | PT_WRITE, &at),
			 STATUS_OK);
	*in_guest(&vm, 3, PT_WRITE) = 333;
	assert_int_equal(shown(&vm, PT_READ | PT_WRITE), 1);
	for (u64 i = 0; i < 512; i++)
		assert_int_equal(leaf_of(vm.guest, AT + i * PAGE_SIZE).rights & PT_EXECUTE, 0);
	*in_monitor(&vm, 4, PT_WRITE) = 444;
	assert_int_equal(leaf_of(vm.monitor, vm.at + 3 * PAGE_SIZE).rights, 0);
	finish(&vm, before);
}

/* With a quota that ends on the way the write fails; with one page more it goes on from there. */
static void test_quota(void **state)
{
	(void)state;
	for (u64 room = 0; room < 8; room++) {
		struct machine_vm vm;
		struct memory *frozen;
		enum status status;
		u64 before = begin(&vm, &frozen);

		machine_settle();
		vm.quota.account->quota_pages = vm.quota.account->used_pages + room;
		for (;; vm.quota.account->quota_pages++) {
			status = space_fault(vm.guest, AT + 3 * PAGE_SIZE, PT_WRITE);
			assert_no_writable_leaf(vm.guest, frozen);
			if (status == STATUS_OK)
				break;
			assert_int_equal(status, STATUS_NO_QUOTA);
			assert_null(space_guest_byte(vm.guest, AT + 3 * PAGE_SIZE));
		}
		for (u64 i = 0; i < 512; i++)
			assert_int_equal(*in_guest(&vm, i, PT_READ), i);
		assert_int_equal(vm.ram->present, 1);
		finish(&vm, before);
	}
}

/* A block that a merge has just moved up is the guest's own: it is mapped whole, for writing. */
static void test_own_block(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 before;

	(void)state;
	before = begin(&vm, &frozen);
	assert_int_equal(layer_merge(vm.ram), STATUS_AGAIN);
	assert_ptr_equal(vm.ram->below, frozen);
	*in_guest(&vm, 3, PT_WRITE) = 333;
	assert_int_equal(leaf_of(vm.guest, AT).level, PT_LEVEL_2M);
	assert_int_equal(*in_guest(&vm, 4, PT_WRITE), 4);
	while (layer_merge(vm.ram) == STATUS_AGAIN)
		;
	assert_null(vm.ram->below);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 333);
	finish(&vm, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),	    cmocka_unit_test(test_other_cpu),
		cmocka_unit_test(test_cpu_between), cmocka_unit_test(test_rights),
		cmocka_unit_test(test_quota),	    cmocka_unit_test(test_own_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
