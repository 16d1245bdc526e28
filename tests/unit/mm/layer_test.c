/* SPDX-License-Identifier: MIT */
/* Layers of memory: what is frozen never changes, and writers get copies of their own. */
#include "tests/unit/mm/layer_machine.h"

/* What was there stays below; a writer gets a page of its own, in all spaces at once. */
static void test_freeze(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	struct pt_leaf leaf;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	*in_guest(&vm, 1090, PT_WRITE) = 44;
	assert_int_equal(*in_monitor(&vm, 3, PT_WRITE), 33);
	frozen = freeze(&vm);
	assert_true(frozen->frozen);
	assert_int_equal(frozen->promised, 512 + 1);
	assert_int_equal(vm.quota.account->pages[PAGE_GUEST], PAGES + 513);
	assert_int_equal(vm.quota.account->absent_pages, PAGES);
	assert_false(table_lookup(&vm.guest->table, AT + 3 * PAGE_SIZE, &leaf));
	assert_false(table_lookup(&vm.monitor->table, vm.at + 3 * PAGE_SIZE, &leaf));

	assert_int_equal(*in_guest(&vm, 3, PT_READ), 33);
	assert_true(table_lookup(&vm.guest->table, AT + 3 * PAGE_SIZE, &leaf));
	assert_int_equal(leaf.rights & PT_WRITE, 0);
	assert_int_equal(leaf.level, PT_LEVEL_2M);
	assert_null(space_guest_byte(vm.guest, AT + 3 * PAGE_SIZE));
	assert_int_equal(*in_monitor(&vm, 3, PT_READ), 33);
	*in_monitor(&vm, 3, PT_WRITE) = 34;
	assert_false(table_lookup(&vm.guest->table, AT + 3 * PAGE_SIZE, &leaf));
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 34);
	assert_int_equal(*in_guest(&vm, 1090, PT_WRITE), 44);
	assert_non_null(space_guest_byte(vm.guest, AT + 1090 * PAGE_SIZE));
	assert_int_equal(*(u64 *)memory_pointer(frozen, 3), 33);
	/* the page's neighbour is read through a small leaf, and an untouched page is zero */
	assert_ptr_equal(in_guest(&vm, 4, PT_READ), memory_pointer(frozen, 4));
	assert_int_equal(*in_guest(&vm, 700, PT_READ), 0);
	assert_int_equal(vm.ram->present, 3);
	assert_no_writable_leaf(vm.guest, frozen);
	assert_no_writable_leaf(vm.monitor, frozen);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
	assert_int_equal(vm.quota.account->absent_pages, 0);
}

/* Two vCPUs take turns on one CPU: what one exchanges is not read through the other's TLB. */
static void test_vcpus_of_one_cpu(void **state)
{
	struct machine_vm vm;
	u64 before;
	u64 seen;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 1090, PT_WRITE) = 33;
	(void)freeze(&vm);
	assert_int_equal(*in_guest(&vm, 1090, PT_READ), 33);
	seen = vm.guest->generation;
	assert_false(tlb_must_flush(vm.guest, &seen));
	*in_guest(&vm, 1090, PT_WRITE) = 34;
	assert_true(tlb_must_flush(vm.guest, &seen));
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* A new layer holds only what was written; without a write since the last one there is none. */
static void test_freeze_again(void **state)
{
	struct machine_vm vm;
	struct memory *first;
	struct memory *second;
	struct memory *top;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, 8, 100); /* the slots of so small an object lie in the object itself */
	*in_guest(&vm, 1, PT_WRITE) = 1;
	first = freeze(&vm);
	assert_ptr_equal(freeze(&vm), first);
	*in_guest(&vm, 2, PT_WRITE) = 2;
	second = freeze(&vm);
	assert_ptr_not_equal(second, first);
	assert_ptr_equal(second->below, first);
	assert_int_equal(second->present, 1);
	assert_no_writable_leaf(vm.guest, second);
	reset(&vm); /* nothing was written since */
	assert_int_equal(*in_guest(&vm, 1, PT_READ), 1);
	assert_int_equal(*in_guest(&vm, 2, PT_READ), 2);
	for (u64 i = 3; i < 5; i++) {
		*in_guest(&vm, i, PT_WRITE) = i;
		(void)freeze(&vm);
	}
	*in_guest(&vm, 5, PT_WRITE) = 5;
	assert_int_equal(layer_freeze(vm.ram, &top), STATUS_TOO_BIG);
	assert_int_equal(layer_freeze(first, &top), STATUS_BAD_STATE);
	assert_int_equal(layer_freeze(second, &top), STATUS_BAD_STATE);
	assert_int_equal(layer_reset(first), STATUS_BAD_STATE);
	assert_int_equal(layer_reset(second), STATUS_BAD_STATE);
	assert_int_equal(layer_create(&vm.quota, vm.ram, &top), STATUS_BAD_STATE);
	assert_int_equal(layer_create(&vm.quota, vm.ram->below, &top), STATUS_OK);
	assert_int_equal(top->depth, 4);
	object_put(&top->object);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* Of several objects on one none sees another's writes; the frozen one outlives its maker. */
static void test_layers(void **state)
{
	struct machine_vm vm;
	struct machine_vm clone[2];
	struct memory *frozen;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	frozen = freeze(&vm);
	for (u64 i = 0; i < 2; i++) {
		machine_quota(&clone[i].quota, 1200);
		assert_int_equal(layer_create(&clone[i].quota, frozen, &clone[i].ram), STATUS_OK);
		assert_int_equal(clone[i].quota.account->pages[PAGE_GUEST], PAGES);
		map_ram(&clone[i]);
		assert_int_equal(*in_guest(&clone[i], 3, PT_READ), 33);
		*in_guest(&clone[i], 3, PT_WRITE) = 100 + i;
	}
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 33);
	end_vm(&vm);
	for (u64 i = 0; i < 2; i++) {
		assert_int_equal(*in_monitor(&clone[i], 3, PT_READ), 100 + i);
		assert_int_equal(*in_monitor(&clone[i], 4, PT_READ), 0);
		reset(&clone[i]);
		assert_int_equal(*in_monitor(&clone[i], 3, PT_READ), 33);
		end_vm(&clone[i]);
		machine_settle();
		assert_int_equal(clone[i].quota.account->used_pages, 0);
	}
	machine_assert_clean(before, &vm.quota);
}

/* The page is not exchanged while another CPU may use the old translation. */
static void test_quiet(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	const u64 *page;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	frozen = freeze(&vm);
	tlb_space_enter(vm.guest, 1);
	page = in_guest(&vm, 3, PT_READ);
	assert_ptr_equal(page, memory_pointer(frozen, 3));
	kicks = 0;
	assert_int_equal(space_fault(vm.monitor, vm.at + 3 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	assert_int_equal(kicks, 1);
	assert_int_equal(space_fault(vm.monitor, vm.at + 3 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	/* a CPU that reads the page waits too, and so does one that wants another page */
	assert_int_equal(space_fault(vm.guest, AT + 3 * PAGE_SIZE, PT_READ), STATUS_AGAIN);
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_READ), STATUS_OK);
	assert_int_equal(vm.ram->present, 0);
	pass();
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	assert_int_equal(vm.ram->present, 1); /* the second CPU helped the first one */
	assert_ptr_not_equal(in_monitor(&vm, 3, PT_READ), page);
	/* that CPU has the page mapped for reading again, and leaves the space instead */
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	tlb_space_leave(vm.guest, 1);
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	pass();
	assert_int_equal(space_fault(vm.guest, AT + 9 * PAGE_SIZE, PT_WRITE), STATUS_OK);
	/* the own CPU compares generations before it enters */
	tlb_space_enter(vm.guest, 0);
	(void)in_guest(&vm, 600, PT_READ);
	assert_int_equal(space_fault(vm.guest, AT + 600 * PAGE_SIZE, PT_WRITE), STATUS_OK);
	tlb_space_leave(vm.guest, 0);
	end_vm(&vm);
}

/* What a mapping has never shown need not be looked for there; what it shows is taken away. */
static void test_shown(void **state)
{
	struct machine_vm vm;
	struct pt_leaf leaf;
	struct memory *frozen;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	*in_guest(&vm, 600, PT_WRITE) = 66;
	frozen = freeze(&vm);
	*in_guest(&vm, 4, PT_WRITE) = 44; /* from now on each page has a leaf of its own */
	assert_int_equal(*in_monitor(&vm, 3, PT_READ), 33);
	assert_int_equal(space_fault(vm.guest, AT + 3 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	assert_false(table_lookup(&vm.monitor->table, vm.at + 3 * PAGE_SIZE, &leaf));
	*in_guest(&vm, 3, PT_WRITE) = 34;
	assert_int_equal(*in_monitor(&vm, 3, PT_READ), 34);
	/* in another block nothing was shown; a page of the monitor's own can be mapped at once */
	assert_int_equal(space_fault(vm.guest, AT + 600 * PAGE_SIZE, PT_WRITE), STATUS_OK);
	assert_int_equal(space_fault(vm.monitor, vm.at + 600 * PAGE_SIZE, PT_WRITE), STATUS_OK);
	assert_ptr_equal(in_guest(&vm, 600, PT_READ), in_monitor(&vm, 600, PT_READ));
	/* frozen anew: what was mapped is taken away, and nobody shows anything */
	(void)freeze(&vm);
	assert_int_equal(space_fault(vm.guest, AT + 3 * PAGE_SIZE, PT_WRITE), STATUS_OK);
	*in_guest(&vm, 3, PT_WRITE) = 35;
	assert_int_equal(*(u64 *)memory_pointer(frozen, 3), 33);
	assert_int_equal(*(u64 *)memory_pointer(vm.ram->below, 3), 34);
	end_vm(&vm);
}

/* While an object is being frozen others may still write to what now lies below. */
static void test_shown_early(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	for (u64 i = 512; i < PAGES; i++)
		*in_guest(&vm, i, PT_WRITE) = i;
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	*in_monitor(&vm, 1090, PT_WRITE) = 33;
	*in_monitor(&vm, 1091, PT_WRITE) = 34;
	assert_int_equal(*in_guest(&vm, 1091, PT_READ), 34);
	frozen = freeze(&vm);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 1091), 1091);
	end_vm(&vm);
}

/* A page on its way when the object is frozen stays with the frozen object. */
static void test_freeze_breaking(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	(void)freeze(&vm);
	*in_guest(&vm, 4, PT_WRITE) = 44;
	(void)in_guest(&vm, 3, PT_READ);
	tlb_space_enter(vm.guest, 1);
	assert_int_equal(space_fault(vm.monitor, vm.at + 3 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	tlb_space_leave(vm.guest, 1);
	pass();
	frozen = freeze(&vm);
	assert_int_equal(frozen->present, 1);
	*in_guest(&vm, 900, PT_WRITE) = 9;
	*in_guest(&vm, 3, PT_WRITE) = 34;
	assert_int_equal(*in_guest(&vm, 4, PT_READ), 44);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 3), 33);
	assert_int_equal(vm.ram->present, 2);
	end_vm(&vm);
}

/* The object has more chunks than it has words for. */
static void test_large(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	u64 before;

	(void)state;
	machine_start(64 * MIB);
	before = machine_free_pages();
	make_vm(&vm, 4700, 12000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	*in_guest(&vm, 4650, PT_WRITE) = 44;
	frozen = freeze(&vm);
	assert_null(memory_pointer(frozen, 700));
	*in_guest(&vm, 4650, PT_WRITE) = 45;
	assert_int_equal(*(u64 *)memory_pointer(frozen, 4650), 44);
	assert_int_equal(*in_monitor(&vm, 4650, PT_READ), 45);
	reset(&vm);
	assert_int_equal(*in_monitor(&vm, 4650, PT_READ), 44);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* Freezing, resetting and unmapping are over only when all CPUs have let go. */
static void test_steps_wait(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	tlb_space_enter(vm.guest, 1);
	for (u32 i = 0; i < 9; i++)
		assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	assert_false(frozen->frozen);
	assert_int_equal(layer_reset(vm.ram), STATUS_BAD_STATE);
	pass();
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_OK);
	*in_guest(&vm, 3, PT_WRITE) = 34;
	assert_int_equal(layer_reset(vm.ram), STATUS_AGAIN);
	assert_int_equal(layer_reset(vm.ram), STATUS_AGAIN);
	pass();
	assert_int_equal(layer_reset(vm.ram), STATUS_OK);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 33);
	tlb_space_leave(vm.guest, 1);
	end_vm(&vm);
}

/* Unmapping waits for nobody, but who freezes or exchanges next waits for who used the mapping. */
static void test_unmapped(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, 8, 100);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	tlb_space_enter(vm.guest, 1);
	assert_int_equal(space_unmap(vm.guest, AT, 8 * PAGE_SIZE), STATUS_OK);
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	assert_false(frozen->frozen);
	pass();
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_OK);

	assert_int_equal(space_map(vm.guest, AT, vm.ram, 0, 8, PT_READ, &(u64){0}), STATUS_OK);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 33);
	assert_int_equal(space_unmap(vm.guest, AT, 8 * PAGE_SIZE), STATUS_OK);
	assert_int_equal(space_fault(vm.monitor, vm.at, PT_WRITE), STATUS_AGAIN);
	pass();
	assert_int_equal(space_fault(vm.monitor, vm.at, PT_WRITE), STATUS_OK);
	tlb_space_leave(vm.guest, 1);
	end_vm(&vm);
}

/* Every page of an object with layers can be written, however little the machine has left. */
static void test_promise(void **state)
{
	struct machine_vm vm;
	struct memory *other;
	hpa_t held[8];
	u64 count = 0;
	hpa_t hpa;

	(void)state;
	machine_start(24 * MIB);
	make_vm(&vm, 600, 700);
	for (u64 i = 0; i < 300; i++)
		*in_guest(&vm, i, PT_WRITE) = i;
	assert_int_equal(layer_freeze(vm.ram, &other), STATUS_NO_QUOTA);
	assert_int_equal(vm.quota.account->pages[PAGE_GUEST], 600);
	vm.quota.account->quota_pages = 1400;
	(void)freeze(&vm);
	for (u64 i = 0; i < 600; i++)
		(void)in_guest(&vm, i, PT_READ);
	reset(&vm);
	assert_int_equal(vm.ram->present, 600 - 512);
	assert_int_equal(vm.ram->own_first, 0);
	while (page_alloc(0, PAGE_KERNEL, NULL, &hpa) == STATUS_OK)
		held[count++ % ARRAY_COUNT(held)] = hpa;
	assert_true(count > 100);
	for (u64 i = 0; i < ARRAY_COUNT(held); i++)
		page_free(held[i], NULL); /* a page for page tables, which are not promised */
	for (u32 round = 0; round < 3; round++) {
		for (u64 i = 0; i < 600; i++) {
			u64 *page = in_guest(&vm, i, PT_WRITE);

			assert_int_equal(*page, i < 300 ? i : 0);
			*page = 1000 + i;
		}
		assert_int_equal(vm.ram->present, 600);
		reset(&vm);
		assert_int_equal(vm.ram->own_first, 0);
		machine_settle();
	}
	end_vm(&vm);
	machine_settle();
	assert_int_equal(vm.quota.account->used_pages, 0);
	assert_int_equal(reserved_count, 0);
}

static u32 flushes;

static void flush_devices(struct space *space)
{
	(void)space;
	flushes++;
}

static const struct space_devices devices = {.flush = flush_devices};

/* An object gets layers only once the IOMMU has confirmed that no device reaches it. */
static void test_devices(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	struct space *space;
	u64 at;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, 20, 1000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	assert_int_equal(space_create_guest(&vm.quota, &format_ept, &space), STATUS_OK);
	space->devices = &devices;
	for (u64 i = 1; i <= 2; i++)
		assert_int_equal(space_map(space, i * MIB, vm.ram, 0, 20, PT_READ, &at), STATUS_OK);
	for (u64 i = 1; i <= 2; i++) {
		flushes = 0;
		assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_BAD_STATE);
		assert_null(vm.ram->below);
		assert_int_equal(space_unmap(space, i * MIB, 20 * PAGE_SIZE), STATUS_OK);
		assert_int_not_equal(flushes, 0);
	}
	frozen = freeze(&vm);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 3), 33);
	assert_int_equal(space_map(space, MIB, vm.ram, 0, 20, PT_READ, &at), STATUS_BAD_STATE);
	space->devices = NULL;
	object_put(&space->object);
	end_vm(&vm);
}

static void test_refused(void **state)
{
	struct machine_vm vm;
	struct memory *frozen;
	struct memory *other;
	struct space *space;
	u64 at;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, 20, 1000);
	assert_int_equal(layer_reset(vm.ram), STATUS_BAD_STATE);
	assert_int_equal(memory_create(&vm.quota, PAGE_PROCESS, 20, 0, &other), STATUS_OK);
	assert_int_equal(layer_freeze(other, &frozen), STATUS_BAD_STATE);
	object_put(&other->object);
	assert_int_equal(memory_create(&vm.quota, PAGE_GUEST, 20, 0, &other), STATUS_OK);
	assert_int_equal(memory_hold(other, 3, 1), STATUS_OK);
	assert_int_equal(layer_freeze(other, &frozen), STATUS_BAD_STATE);
	object_put(&other->object);

	for (u64 i = 2; i < LAYER_MAPPINGS_MAX + 1; i++)
		assert_int_equal(space_map(vm.guest, i * MIB, vm.ram, 0, 20, PT_READ, &at),
				 STATUS_OK);
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_TOO_BIG);
	for (u64 i = 2; i < LAYER_MAPPINGS_MAX + 1; i++)
		assert_int_equal(space_unmap(vm.guest, i * MIB, 20 * PAGE_SIZE), STATUS_OK);

	frozen = freeze(&vm);
	assert_int_equal(memory_hold(vm.ram, 3, 1), STATUS_BAD_STATE);
	assert_int_equal(memory_hold(frozen, 3, 1), STATUS_BAD_STATE);
	assert_int_equal(space_create_guest(&vm.quota, &format_ept, &space), STATUS_OK);
	assert_int_equal(space_map(space, 0, frozen, 0, 20, PT_READ, &at), STATUS_BAD_STATE);
	space->devices = &devices;
	assert_int_equal(space_map(space, 0, vm.ram, 0, 20, PT_READ, &at), STATUS_BAD_STATE);
	space->devices = NULL;
	for (u64 i = 2; i < LAYER_MAPPINGS_MAX; i++)
		assert_int_equal(space_map(space, i * MIB, vm.ram, 0, 20, PT_READ, &at), STATUS_OK);
	assert_int_equal(space_map(space, 0, vm.ram, 0, 20, PT_READ, &at), STATUS_TOO_BIG);
	object_put(&space->object);
	end_vm(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freeze),		cmocka_unit_test(test_vcpus_of_one_cpu),
		cmocka_unit_test(test_freeze_again),	cmocka_unit_test(test_layers),
		cmocka_unit_test(test_quiet),		cmocka_unit_test(test_steps_wait),
		cmocka_unit_test(test_promise),		cmocka_unit_test(test_unmapped),
		cmocka_unit_test(test_freeze_breaking), cmocka_unit_test(test_shown),
		cmocka_unit_test(test_shown_early),	cmocka_unit_test(test_large),
		cmocka_unit_test(test_refused),		cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
