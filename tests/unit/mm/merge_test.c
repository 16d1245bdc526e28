/* SPDX-License-Identifier: MIT */
/*
 * Merging frozen memory into the live object above it: pages keep their contents, and there is one
 * layer less in the end.
 */
#include "tests/unit/mm/layer_machine.h"

static enum status merge_in_steps(struct machine_vm *vm)
{
	enum status status;
	u32 steps = 0;

	do
		status = layer_merge(vm->ram);
	while (status == STATUS_AGAIN && ++steps < 500);
	return status;
}

static void merge(struct machine_vm *vm)
{
	assert_int_equal(merge_in_steps(vm), STATUS_OK);
}

static struct pt_leaf leaf_of(struct space *space, u64 at)
{
	struct pt_leaf leaf;

	assert_true(table_lookup(&space->table, at, &leaf));
	return leaf;
}

/*
 * One layer is merged: the object is as if it had never been frozen, but for a block that was
 * written to in part.
 */
static void test_one_layer(void **state)
{
	struct machine_vm vm;
	u64 before;
	u64 used;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	for (u64 i = 0; i < PAGES; i += 30)
		*in_guest(&vm, i, PT_WRITE) = 1000 + i;
	used = vm.quota.account->used_pages;
	assert_int_equal(vm.ram->present, 2 * 512 + 2);
	(void)freeze(&vm);
	*in_guest(&vm, 540, PT_WRITE) = 1; /* a page of the second block */
	*in_guest(&vm, 541, PT_WRITE) = 2;
	*in_guest(&vm, 1051, PT_WRITE) = 3; /* nothing is below this page */
	assert_int_equal(*in_guest(&vm, 30, PT_READ), 1030);
	merge(&vm);
	assert_null(vm.ram->below);
	assert_int_equal(vm.ram->depth, 0);
	assert_int_equal(vm.ram->own_first, 0);
	assert_int_equal(vm.ram->present, 2 * 512 + 3);
	assert_int_equal(vm.ram->promised, PAGES);
	/* a page that was only read may be written to at once */
	*in_guest(&vm, 30, PT_WRITE) = 4;
	assert_int_equal(leaf_of(vm.guest, AT).level, PT_LEVEL_2M);
	assert_int_equal(*in_guest(&vm, 540, PT_WRITE), 1);
	assert_int_equal(leaf_of(vm.guest, AT + 540 * PAGE_SIZE).level, PT_LEVEL_4K);
	for (u64 i = 0; i < PAGES; i++) {
		/* clang-format off */
		u64 is = i == 540 ? 1 : i == 541 ? 2 : i == 1051 ? 3 : i == 30 ? 4
			 : i % 30 == 0 ? 1000 + i : 0;
		/* clang-format on */

		assert_int_equal(*in_monitor(&vm, i, PT_READ), is);
	}
	machine_settle();
	assert_int_equal(vm.quota.account->pages[PAGE_GUEST], PAGES);
	/* for slots of that block, and for tables of leaves that were split */
	assert_in_range(vm.quota.account->used_pages, used, used + 6);
	assert_int_equal(reserved_count, PAGES - vm.ram->present);
	assert_int_equal(layer_merge(vm.ram), STATUS_BAD_STATE);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
	assert_int_equal(vm.quota.account->absent_pages, 0);
	assert_int_equal(reserved_count, 0);
}

/* The upper of two: what was written since the lower one can still be given up. */
static void test_upper(void **state)
{
	struct machine_vm vm;
	struct memory *lower;
	struct memory *upper;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	for (u64 i = 0; i < 6; i++)
		*in_guest(&vm, i, PT_WRITE) = 10 + i;
	lower = freeze(&vm);
	object_get(&lower->object); /* the reference of a handle */
	for (u64 i = 0; i < 4; i++)
		*in_guest(&vm, i, PT_WRITE) = 20 + i;
	upper = freeze(&vm);
	assert_ptr_not_equal(upper, lower);
	*in_guest(&vm, 0, PT_WRITE) = 30;
	*in_guest(&vm, 1, PT_WRITE) = 31;
	reset(&vm);
	*in_guest(&vm, 0, PT_WRITE) = 40; /* the other page is hidden */
	merge(&vm);
	assert_ptr_equal(vm.ram->below, lower);
	assert_int_equal(vm.ram->depth, 1);
	for (u64 i = 0; i < 6; i++)
		assert_int_equal(*in_guest(&vm, i, PT_READ), i == 0 ? 40 : i < 4 ? 20 + i : 10 + i);
	assert_int_equal(layer_merge(vm.ram), STATUS_BAD_STATE); /* the handle forbids the merge */
	reset(&vm);
	for (u64 i = 0; i < 6; i++)
		assert_int_equal(*in_guest(&vm, i, PT_READ), 10 + i);
	object_put(&lower->object);
	merge(&vm);
	for (u64 i = 0; i < 6; i++)
		assert_int_equal(*in_guest(&vm, i, PT_WRITE), 10 + i);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
	assert_int_equal(reserved_count, 0);
}

static void test_refused(void **state)
{
	struct machine_vm vm;
	struct machine_vm clone;
	struct memory *frozen;
	struct memory *again;
	hpa_t page;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	assert_int_equal(layer_merge(vm.ram), STATUS_BAD_STATE);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	frozen = freeze(&vm);
	assert_int_equal(layer_merge(frozen), STATUS_BAD_STATE);
	machine_quota(&clone.quota, 2000);
	assert_int_equal(layer_create(&clone.quota, frozen, &clone.ram), STATUS_OK);
	assert_int_equal(layer_merge(vm.ram), STATUS_BAD_STATE);
	assert_int_equal(layer_merge(clone.ram), STATUS_BAD_STATE);
	object_get(&frozen->object);
	object_put(&clone.ram->object);
	assert_int_equal(layer_merge(vm.ram), STATUS_BAD_STATE);
	object_put(&frozen->object);
	/* the merge has begun */
	assert_int_equal(layer_merge(vm.ram), STATUS_AGAIN);
	assert_int_equal(layer_freeze(vm.ram, &again), STATUS_BAD_STATE);
	assert_int_equal(layer_reset(vm.ram), STATUS_BAD_STATE);
	/* a fault that began before its block was taken up */
	assert_int_equal(layer_own(space_mapping(vm.guest, AT), 3, &page), STATUS_OK);
	assert_int_equal(vm.ram->breaking, 0);
	merge(&vm);
	frozen = freeze(&vm);
	assert_int_equal(*(u64 *)memory_pointer(frozen, 3), 33);
	/* only the other's object lies on the frozen one */
	machine_quota(&clone.quota, 2000);
	assert_int_equal(layer_create(&clone.quota, frozen, &clone.ram), STATUS_OK);
	end_vm(&vm);
	assert_int_equal(frozen->object.references, 1);
	assert_int_equal(layer_merge(clone.ram), STATUS_BAD_STATE);
	object_put(&clone.ram->object);
	machine_settle();
	assert_int_equal(reserved_count, 0);
}

/* Another CPU still reads a page that is about to be written to: the write is completed first. */
static void test_breaking(void **state)
{
	struct machine_vm vm;

	(void)state;
	machine_start(32 * MIB);
	tlb_cpu_online(1);
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 3, PT_WRITE) = 33;
	(void)freeze(&vm);
	tlb_space_enter(vm.guest, 1);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 33);
	assert_int_equal(space_fault(vm.monitor, vm.at + 3 * PAGE_SIZE, PT_WRITE), STATUS_AGAIN);
	assert_int_equal(layer_merge(vm.ram), STATUS_AGAIN);
	assert_int_equal(vm.ram->cursor, 0);
	pass();
	assert_int_equal(layer_merge(vm.ram), STATUS_AGAIN);
	assert_int_equal(vm.ram->breaking, 0);
	assert_int_equal(vm.ram->present, 1);
	for (u32 i = 0; vm.ram->below != NULL; i++) {
		assert_true(i < 200);
		(void)!layer_merge(vm.ram);
		pass();
	}
	assert_int_equal(*in_guest(&vm, 3, PT_WRITE), 33);
	tlb_space_leave(vm.guest, 1);
	end_vm(&vm);
	assert_int_equal(reserved_count, 0);
}

/* Without a page for slots the merge stops, and goes on once there is one. */
static void test_no_quota(void **state)
{
	struct machine_vm vm;
	u64 limit;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	for (u64 i = 0; i < PAGES; i += 30)
		*in_guest(&vm, i, PT_WRITE) = 1000 + i;
	(void)freeze(&vm);
	*in_guest(&vm, 3, PT_WRITE) = 1;
	limit = vm.quota.account->quota_pages;
	assert_int_equal(quota_set_limit(&vm.quota, vm.quota.account->used_pages), STATUS_OK);
	assert_int_equal(merge_in_steps(&vm), STATUS_NO_QUOTA);
	assert_int_equal(*in_guest(&vm, 30, PT_READ), 1030);
	assert_int_equal(quota_set_limit(&vm.quota, limit), STATUS_OK);
	merge(&vm);
	assert_int_equal(*in_guest(&vm, 30, PT_READ), 1030);
	assert_int_equal(*in_guest(&vm, 3, PT_READ), 1);
	end_vm(&vm);
	machine_settle();
	assert_int_equal(vm.quota.account->used_pages, 0);
	assert_int_equal(reserved_count, 0);
}

/* A block that was about to be cleared when it was frozen, which nobody has seen. */
static void test_unready(void **state)
{
	(void)state;
	for (u64 written = 0; written < 2; written++) {
		struct machine_vm vm;
		u64 before;

		machine_start(32 * MIB);
		before = machine_free_pages();
		make_vm(&vm, PAGES, 4000);
		*in_guest(&vm, 600, PT_WRITE) = 6;
		assert_int_equal(space_fault(vm.guest, AT, PT_WRITE), STATUS_AGAIN);
		(void)freeze(&vm);
		if (written)
			*in_guest(&vm, 3, PT_WRITE) = 3;
		merge(&vm);
		assert_int_equal(vm.ram->present, 512 + written);
		for (u64 i = 0; i < 700; i++)
			assert_int_equal(*in_guest(&vm, i, PT_WRITE), i == 600		  ? 6
								      : i == 3 && written ? 3
											  : 0);
		end_vm(&vm);
		machine_assert_clean(before, &vm.quota);
	}
}

#define LEVELS (LAYER_DEPTH_MAX + 1)

/* The words that each page should hold: [0] now, [1] at the last freeze that is kept, and so on. */
struct model {
	struct machine_vm vm;
	/* the frozen objects from the top, with a reference; NULL: nobody can go back there */
	struct memory *kept[LEVELS];
	u64 layers;
	u64 page[LEVELS + 1][PAGES];
};

static void model_freeze(struct model *model)
{
	struct memory *below = model->vm.ram->below;
	struct memory *frozen = freeze(&model->vm);

	if (frozen == below)
		return;
	memmove(model->page[1], model->page[0], sizeof(model->page) - sizeof(model->page[0]));
	memmove(&model->kept[1], &model->kept[0], sizeof(model->kept) - sizeof(model->kept[0]));
	model->kept[0] = frozen;
	object_get(&frozen->object);
	model->layers++;
}

static void model_merge(struct model *model)
{
	if (model->kept[0] != NULL)
		object_put(&model->kept[0]->object);
	for (u32 steps = (u32)random_below(40);; steps--) {
		enum status status = layer_merge(model->vm.ram);

		if (status == STATUS_OK)
			break;
		assert_int_equal(status, STATUS_AGAIN);
		if (steps % 4 == 0) { /* the guest goes on during the merge */
			u64 index = random_below(PAGES);

			model->page[0][index] = random_u64();
			*in_guest(&model->vm, index, PT_WRITE) = model->page[0][index];
		}
	}
	memmove(model->page[1], model->page[2], (LEVELS - 1) * sizeof(model->page[0]));
	memmove(&model->kept[0], &model->kept[1], sizeof(model->kept) - sizeof(model->kept[0]));
	model->kept[LEVELS - 1] = NULL;
	model->layers--;
}

static void model_write(struct model *model)
{
	u64 index = random_below(8) == 0 ? random_below(PAGES) : random_below(100);

	model->page[0][index] = random_u64();
	*(random_below(2) ? in_guest(&model->vm, index, PT_WRITE)
			  : in_monitor(&model->vm, index, PT_WRITE)) = model->page[0][index];
}

static void model_step(struct model *model)
{
	switch (random_below(40)) {
	case 0:
		if (model->layers < LAYER_DEPTH_MAX)
			model_freeze(model);
		break;
	case 1:
		if (model->layers != 0)
			model_merge(model);
		break;
	case 2:
		if (model->layers == 0)
			break;
		reset(&model->vm);
		memcpy(model->page[0], model->page[1], sizeof(model->page[0]));
		break;
	default:
		model_write(model);
	}
}

static void run_model(u64 seed, u32 flags)
{
	static struct model model;
	u64 before;

	memset(&model, 0, sizeof(model));
	machine_random = seed;
	machine_start(64 * MIB);
	before = machine_free_pages();
	machine_quota(&model.vm.quota, 9000);
	assert_int_equal(memory_create(&model.vm.quota, PAGE_GUEST, PAGES, flags, &model.vm.ram),
			 STATUS_OK);
	map_ram(&model.vm);
	for (u32 i = 0; i < 1500; i++) {
		model_step(&model);
		if (i % 100 != 0)
			continue;
		for (u64 index = 0; index < PAGES; index++)
			assert_int_equal(*in_guest(&model.vm, index, PT_READ),
					 model.page[0][index]);
		for (struct memory *at = model.vm.ram->below; at != NULL; at = at->below)
			assert_no_writable_leaf(model.vm.guest, at);
		machine_settle();
	}
	while (model.layers != 0)
		model_merge(&model);
	for (u64 index = 0; index < PAGES; index++)
		assert_int_equal(*in_monitor(&model.vm, index, PT_WRITE), model.page[0][index]);
	machine_settle();
	assert_int_equal(model.vm.quota.account->pages[PAGE_GUEST], PAGES);
	end_vm(&model.vm);
	machine_assert_clean(before, &model.vm.quota);
	assert_int_equal(model.vm.quota.account->absent_pages, 0);
	assert_int_equal(reserved_count, 0);
}

static void test_model(void **state)
{
	(void)state;
	for (u64 seed = 1; seed <= 4; seed++)
		run_model(seed * RANDOM_SEED, seed % 4 == 0 ? MEMORY_OVERCOMMIT : 0);
}

/* A page that a reset has hidden, and that was not there below, holds zeros again after a merge. */
static void test_hidden(void **state)
{
	struct machine_vm vm;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	before = machine_free_pages();
	make_vm(&vm, PAGES, 4000);
	*in_guest(&vm, 1095, PT_WRITE) = 1;
	(void)freeze(&vm);
	*in_guest(&vm, 1090, PT_WRITE) = 33;
	reset(&vm);
	merge(&vm);
	assert_int_equal(*in_guest(&vm, 1090, PT_WRITE), 0);
	end_vm(&vm);
	machine_assert_clean(before, &vm.quota);
}

/* No merge begins before a reset ends, which would else forget what was written after the merge. */
static void test_reset_first(void **state)
{
	struct machine_vm vm;

	(void)state;
	machine_start(32 * MIB);
	make_vm(&vm, PAGES, 4000);
	for (u64 i = 1024; i < PAGES; i++)
		*in_guest(&vm, i, PT_WRITE) = 1;
	(void)freeze(&vm);
	*in_guest(&vm, 1024, PT_WRITE) = 2;
	(void)freeze(&vm);
	for (u64 i = 0; i < 1024; i++)
		*in_guest(&vm, i, PT_WRITE) = 3;
	assert_int_equal(layer_reset(vm.ram), STATUS_AGAIN);
	assert_int_equal(layer_merge(vm.ram), STATUS_BAD_STATE);
	reset(&vm);
	assert_int_equal(*in_guest(&vm, 1024, PT_READ), 2);
	merge(&vm);
	*in_guest(&vm, 1030, PT_WRITE) = 4;
	reset(&vm);
	for (u64 i = 1024; i < PAGES; i++)
		assert_int_equal(*in_guest(&vm, i, PT_READ), 1);
	end_vm(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_layer),   cmocka_unit_test(test_upper),
		cmocka_unit_test(test_hidden),	    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_breaking),    cmocka_unit_test(test_no_quota),
		cmocka_unit_test(test_unready),	    cmocka_unit_test(test_model),
		cmocka_unit_test(test_reset_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
