/* SPDX-License-Identifier: MIT */
/* What a process gets of itself and of others: handles to spaces. */
#include "tests/unit/kernel_machine.h"

static struct memory *make_image(void)
{
	struct memory *image;

	assert_int_equal(memory_create(NULL, PAGE_PROCESS, 4, 0, &image), STATUS_OK);
	for (u64 i = 0; i < 4; i++)
		assert_int_equal(memory_populate(image, i), STATUS_OK);
	*(struct image_header *)memory_pointer(image, 0) = (struct image_header){
		.magic = IMAGE_MAGIC,
		.text_pages = 1,
		.rodata_pages = 1,
		.data_pages = 1,
		.bss_pages = 1,
		.entry = 64,
	};
	return image;
}

/* The rights of the space that the process gives for a handle to itself with these rights. */
static u32 rights_of_space(struct process *process, u32 rights)
{
	struct thread caller = {.process = process, .state = THREAD_READY};
	struct trap_frame frame = {.rax = SYS_PROCESS_SPACE};
	u64 self;
	u32 given;

	assert_int_equal(handle_insert(process->handles, &process->object, rights, &self),
			 STATUS_OK);
	frame.rdi = self;
	syscall_dispatch(&caller, &frame);
	if (frame.rax != STATUS_OK) {
		assert_int_equal(frame.rax, STATUS_NO_RIGHT);
		assert_int_equal(frame.rdi, 0);
	}
	given = handle_rights(process->handles, frame.rdi);
	handle_close_those(process->handles, false);
	return given;
}

/*
 * A process may map in another if it may start threads there; only a holder of the right to grant
 * hands its space on.
 */
static void test_space_rights(void **state)
{
	struct memory *image;
	struct process *process;
	struct group *group;

	(void)state;
	kernel_machine_start(32 * MIB);
	image = make_image();
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	assert_int_equal(process_create(group, image, 0, 0, &process), STATUS_OK);
	/* a monitor's handle to itself, and that of who has made the process */
	assert_int_equal(rights_of_space(process, RIGHT_READ | RIGHT_WRITE | RIGHT_CONTROL),
			 RIGHT_READ | RIGHT_MAP);
	assert_int_equal(rights_of_space(process, RIGHT_ALL), RIGHT_READ | RIGHT_MAP | RIGHT_GRANT);
	assert_int_equal(rights_of_space(process, RIGHT_ALL & ~(u32)RIGHT_CONTROL), 0);
	object_put(&process->object);
	object_put(&image->object);
	kernel_machine_end(&group, 1, 10000);
}

static struct pt_leaf leaf_at(struct process *process, u64 at)
{
	struct pt_leaf leaf = {.rights = 0};
	enum status status;

	do
		status = space_fault(process->space, at, PT_READ);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
	assert_true(table_lookup(&process->space->table, at, &leaf));
	return leaf;
}

/* The canary lies behind bss: random, another one for each process, and read-only. */
static void test_canary(void **state)
{
	struct memory *image;
	struct process *process[2];
	struct group *group;
	u64 canary[2];

	(void)state;
	kernel_machine_start(32 * MIB);
	image = make_image();
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	for (u32 i = 0; i < 2; i++) {
		struct pt_leaf leaf;
		u64 at;

		assert_int_equal(process_create(group, image, 0, 0, &process[i]), STATUS_OK);
		at = process[i]->image_base + 4 * PAGE_SIZE;
		leaf = leaf_at(process[i], at);
		assert_int_equal(leaf.level, PT_LEVEL_4K);
		assert_int_equal(leaf.rights & (PT_READ | PT_WRITE | PT_EXECUTE), PT_READ);
		canary[i] = *(const u64 *)hpa_to_pointer(leaf.hpa);
		assert_int_equal(space_fault(process[i]->space, at, PT_WRITE), STATUS_NO_RIGHT);
		leaf = leaf_at(process[i], at - PAGE_SIZE); /* the leaf of bss */
		assert_int_equal(leaf.rights & (PT_READ | PT_WRITE | PT_EXECUTE),
				 PT_READ | PT_WRITE);
		assert_int_equal(canary[i] & 0xff, 0);
		object_put(&process[i]->object);
	}
	assert_true(canary[0] != 0 && canary[1] != 0 && canary[0] != canary[1]);
	object_put(&image->object);
	kernel_machine_end(&group, 1, 10000);
}

/* While pages of the group are on their way back nothing is made that would have to be undone. */
static void test_again(void **state)
{
	struct memory *image;
	struct process *process;
	struct group *group;
	enum status status;
	hpa_t hpa[40];
	u64 used;

	(void)state;
	kernel_machine_start(32 * MIB);
	image = make_image();
	assert_int_equal(group_create(200, 1, &group), STATUS_OK);
	for (u32 i = 0; i < ARRAY_COUNT(hpa); i++)
		assert_int_equal(page_alloc(0, PAGE_PROCESS, &group->quota, &hpa[i]), STATUS_OK);
	used = group->page->used_pages;
	assert_int_equal(quota_set_limit(&group->quota, used + 4), STATUS_OK);
	for (u32 i = 0; i < ARRAY_COUNT(hpa); i++)
		tlb_page_free(hpa[i], &group->quota);
	for (u32 i = 0; i < 1000; i++) {
		assert_int_equal(process_create(group, image, 0, 0, &process), STATUS_AGAIN);
		assert_int_equal(group->page->used_pages, used - ARRAY_COUNT(hpa));
	}
	for (u32 i = 0; tlb_pages_waiting() != 0; i++) {
		assert_true(i < 100);
		machine_pass(0);
	}
	status = process_create(group, image, 0, 0, &process);
	assert_int_equal(status, STATUS_OK);
	object_put(&process->object);
	object_put(&image->object);
	kernel_machine_end(&group, 1, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space_rights),
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
