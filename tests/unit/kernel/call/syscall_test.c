/* SPDX-License-Identifier: MIT */
/* System calls through their gate: the refused leave nothing; what is to be repeated. */
#include "tests/unit/kernel_machine.h"

/* The calling group, with a table of handles of one page. */
static struct group own_group;
static struct process process = {.group = &own_group};
static struct thread caller = {.process = &process, .state = THREAD_READY};

static void caller_begin(void)
{
	list_init(&own_group.teardown.objects);
	list_init(&own_group.teardown.node);
	assert_int_equal(page_alloc_cleared(0, PAGE_KERNEL, NULL, (void **)&process.handles),
			 STATUS_OK);
	handle_table_init(process.handles, PAGE_SIZE);
}

static void caller_end(void)
{
	handle_close_those(process.handles, false);
	page_free(pointer_to_hpa(process.handles), NULL);
}

/* Without room for its handle no group is made: nobody could ever end it. */
static void test_refused_group(void **state)
{
	struct trap_frame frame = {.rax = SYS_GROUP_CREATE, .rdi = 1, .rsi = 10, .r8 = 100};
	u64 before;
	u64 handle;

	(void)state;
	kernel_machine_start(32 * MIB);
	before = machine_free_pages();
	caller_begin();
	for (u32 i = 0; i < process.handles->size; i++)
		assert_int_equal(handle_insert(process.handles, &machine_root, RIGHT_ALL, &handle),
				 STATUS_OK);
	syscall_dispatch(&caller, &frame);
	assert_int_equal(frame.rax, STATUS_NO_QUOTA);
	assert_int_equal(frame.rdi, 0);
	caller_end();
	kernel_machine_settle(100);
	machine_assert_clean(before, NULL);
}

/* Undefined flags of an interrupt are refused: they may get a meaning later. */
static void test_irq_flags(void **state)
{
	static const u64 flags[] = {IRQ_FLAGS + 1, 1ull << 32, ~0ull};

	(void)state;
	kernel_machine_start(32 * MIB);
	caller_begin();
	for (u32 i = 0; i < ARRAY_COUNT(flags); i++) {
		struct trap_frame frame = {.rax = SYS_IRQ_CREATE, .rsi = 4, .r8 = flags[i]};

		assert_int_equal(
			handle_insert(process.handles, &machine_root, RIGHT_ALL, &frame.rdi),
			STATUS_OK);
		syscall_dispatch(&caller, &frame);
		assert_int_equal(frame.rax, STATUS_BAD_ARGUMENT);
	}
	caller_end();
}

/* The call tells where memory lies for a device, whether or not anybody has touched it. */
static void test_memory_address(void **state)
{
	struct memory *memory;
	u64 root, handle;

	kernel_machine_start(32 * MIB);
	caller_begin();
	assert_int_equal(handle_insert(process.handles, &machine_root, RIGHT_ALL, &root), 0);
	assert_int_equal(memory_create(NULL, PAGE_PROCESS, 20, 0, &memory), STATUS_OK);
	assert_int_equal(handle_insert(process.handles, &memory->object, RIGHT_READ, &handle),
			 STATUS_OK);
	object_put(&memory->object);
	for (u64 offset = 0; offset < 24 * PAGE_SIZE; offset += 0x7ff) {
		struct trap_frame frame = {.rax = STATUS_AGAIN};
		bool inside = offset < 20 * PAGE_SIZE;

		while (frame.rax == STATUS_AGAIN) {
			frame = (struct trap_frame){.rax = SYS_MEMORY_ADDRESS,
						    .rdi = root,
						    .rsi = handle,
						    .r8 = offset};
			syscall_dispatch(&caller, &frame);
		}
		assert_int_equal(frame.rax, inside ? STATUS_OK : STATUS_BAD_ARGUMENT);
		if (inside)
			assert_ptr_equal(hpa_to_pointer(HPA(align_down(frame.rdi, PAGE_SIZE))),
					 memory_pointer(memory, offset >> PAGE_SHIFT));
	}
	caller_end();
	kernel_machine_settle(100);
}

/*
 * Ended objects count until they are freed, which a holder of the right to set the group's quota
 * can hasten.
 */
static void test_tidy(void **state)
{
	struct trap_frame frame = {.rax = STATUS_IN_USE};
	struct memory *memory;
	struct group *group;
	u32 steps = 0;
	u64 before;
	u64 handle;

	(void)state;
	kernel_machine_start(32 * MIB);
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	caller_begin();
	assert_int_equal(handle_insert(process.handles, &group->object, RIGHT_ALL, &handle), 0);
	before = group->page->used_pages;
	assert_int_equal(memory_create(&group->quota, PAGE_PROCESS, 20, 0, &memory), STATUS_OK);
	group_adopt(group, &memory->object);
	for (u64 i = 0; i < 20; i++)
		assert_int_equal(memory_populate(memory, i), STATUS_OK);
	object_put(&memory->object);
	assert_true(group->page->used_pages > before + 20);
	for (; frame.rax == STATUS_IN_USE && steps < 100; steps++) {
		frame = (struct trap_frame){.rax = SYS_GROUP_SET, .rdi = handle, .rsi = GROUP_TIDY};
		syscall_dispatch(&caller, &frame);
	}
	assert_int_equal(frame.rax, STATUS_OK);
	assert_true(steps > 1);
	assert_int_equal(group->page->used_pages, before);
	caller_end();
	kernel_machine_end(&group, 1, 100);
}

/* Who freezes memory may read the frozen one, and give it on, only if the live one let it do so. */
static void test_frozen_rights(void **state)
{
	static const u32 rights[] = {0, RIGHT_READ, RIGHT_READ | RIGHT_GRANT};
	struct memory *memory;
	struct group *group;

	(void)state;
	kernel_machine_start(32 * MIB);
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	caller_begin();
	assert_int_equal(memory_create(&group->quota, PAGE_GUEST, 4, 0, &memory), STATUS_OK);
	group_adopt(group, &memory->object);
	for (u32 i = 0; i < ARRAY_COUNT(rights); i++) {
		struct trap_frame frame = {.rax = STATUS_AGAIN};
		u64 handle;

		assert_int_equal(handle_insert(process.handles, &memory->object,
					       RIGHT_CONTROL | RIGHT_WRITE | rights[i], &handle),
				 STATUS_OK);
		while (frame.rax == STATUS_AGAIN) {
			frame = (struct trap_frame){.rax = SYS_MEMORY_FREEZE, .rdi = handle};
			syscall_dispatch(&caller, &frame);
		}
		assert_int_equal(frame.rax, STATUS_OK);
		assert_int_equal(handle_rights(process.handles, (u32)frame.rdi), rights[i]);
	}
	object_put(&memory->object);
	caller_end();
	kernel_machine_end(&group, 1, 100);
}

/* A list looks at so many slots in a call, also where hardly one has a page. */
static void test_audit_is_bounded(void **state)
{
	enum { CHUNKS = 100, SLOTS = CHUNKS * MEMORY_CHUNK_PAGES };

	static struct audit_page page;
	struct listing listing = {.page = &page};
	struct memory *memory;
	u64 found = 0;

	(void)state;
	kernel_machine_start(32 * MIB);
	assert_int_equal(
		memory_create_promised(NULL, PAGE_GUEST, 2 * SLOTS, CHUNKS, MEMORY_SMALL, &memory),
		STATUS_OK);
	for (u64 index = 0; index < SLOTS; index += MEMORY_CHUNK_PAGES)
		assert_int_equal(memory_populate(memory, index), STATUS_OK);
	for (u64 at = 0; at != AUDIT_END; listing.count = 0) {
		u64 next = audit_list_slots(&listing, memory, at);

		found += listing.count;
		if (at < SLOTS)
			assert_in_range(MIN(next, SLOTS) - at, 1, STEP_SLOTS + MEMORY_CHUNK_PAGES);
		at = next;
	}
	assert_int_equal(found, CHUNKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_group),  cmocka_unit_test(test_irq_flags),
		cmocka_unit_test(test_memory_address), cmocka_unit_test(test_tidy),
		cmocka_unit_test(test_frozen_rights),  cmocka_unit_test(test_audit_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
