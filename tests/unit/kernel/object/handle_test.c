/* SPDX-License-Identifier: MIT */
/* Handles: which objects a process can name, and with which rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/object/handle.c"

#define TABLE_BYTES 4096
#define HANDLE_MAX  255

static u64 block[TABLE_BYTES / sizeof(u64)];
#define table (*(struct handle_table *)block)
static struct object event;
static struct object memory;
static int released;

static void release(struct object *object)
{
	(void)object;
	released++;
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[0 ... OBJECT_TYPE_COUNT - 1] = release,
};

static int setup(void **state)
{
	(void)state;
	memset(block, 0, sizeof(block));
	handle_table_init(&table, sizeof(block));
	released = 0;
	object_init(&event, OBJECT_EVENT);
	object_init(&memory, OBJECT_MEMORY);
	return 0;
}

static handle_t give(struct object *object, u32 rights)
{
	u64 handle = HANDLE_NONE;

	assert_int_equal(handle_insert(&table, object, rights, &handle), STATUS_OK);
	assert_int_not_equal(handle, HANDLE_NONE);
	return (handle_t)handle;
}

static void test_lookup(void **state)
{
	handle_t handle = give(&event, RIGHT_READ | RIGHT_BIND);
	struct object *found = NULL;

	(void)state;
	assert_int_equal(handle_lookup(&table, handle, OBJECT_EVENT, RIGHT_READ, &found),
			 STATUS_OK);
	assert_ptr_equal(found, &event);
	assert_int_equal(handle_lookup(&table, handle, OBJECT_NONE, 0, &found), STATUS_OK);
	assert_int_equal(handle_lookup(&table, handle, OBJECT_MEMORY, RIGHT_READ, &found),
			 STATUS_BAD_HANDLE);
	assert_int_equal(
		handle_lookup(&table, handle, OBJECT_EVENT, RIGHT_READ | RIGHT_WRITE, &found),
		STATUS_NO_RIGHT);
	assert_int_equal(handle_rights(&table, handle), RIGHT_READ | RIGHT_BIND);
}

static void test_forged(void **state)
{
	struct object *found = &memory;
	handle_t handle = give(&event, RIGHT_ALL);

	(void)state;
	for (u64 forged = 0; forged <= 0x1ffff; forged++) {
		if (forged != handle)
			assert_int_equal(handle_lookup(&table, forged, OBJECT_NONE, 0, &found),
					 STATUS_BAD_HANDLE);
	}
	assert_int_equal(handle_lookup(&table, handle | 1ull << 32, OBJECT_NONE, 0, &found),
			 STATUS_BAD_HANDLE);
	assert_int_equal(handle_lookup(&table, ~0ull, OBJECT_NONE, 0, &found), STATUS_BAD_HANDLE);
	assert_ptr_equal(found, &memory);
}

static void test_closed_is_stale(void **state)
{
	handle_t first = give(&event, RIGHT_ALL);
	struct object *found;
	handle_t second;

	(void)state;
	assert_int_equal(handle_close(&table, first), STATUS_OK);
	assert_int_equal(handle_close(&table, first), STATUS_BAD_HANDLE);
	second = give(&memory, RIGHT_ALL);
	assert_int_not_equal(first, second);
	assert_int_equal(handle_lookup(&table, first, OBJECT_NONE, 0, &found), STATUS_BAD_HANDLE);
	assert_int_equal(handle_lookup(&table, second, OBJECT_MEMORY, 0, &found), STATUS_OK);
}

static void test_dead_is_stale_but_can_be_closed(void **state)
{
	handle_t handle = give(&event, RIGHT_ALL);
	handle_t living = give(&memory, RIGHT_ALL);
	struct object *found;

	(void)state;
	event.dead = true;
	assert_int_equal(handle_lookup(&table, handle, OBJECT_NONE, 0, &found), STATUS_BAD_HANDLE);
	object_put(&event);
	assert_int_equal(released, 0);
	handle_close_those(&table, true);
	assert_int_equal(released, 1);
	assert_int_equal(handle_lookup(&table, living, OBJECT_NONE, 0, &found), STATUS_OK);
}

static void test_references(void **state)
{
	(void)state;
	give(&event, RIGHT_ALL);
	give(&event, RIGHT_ALL);
	assert_int_equal(event.references, 3);
	object_put(&event);
	assert_int_equal(released, 0);
	handle_close_those(&table, false);
	assert_int_equal(released, 1);
}

static void test_full_table(void **state)
{
	u64 handle;

	(void)state;
	for (u32 i = 0; i < HANDLE_MAX; i++)
		give(&event, RIGHT_ALL);
	assert_int_equal(handle_insert(&table, &memory, RIGHT_ALL, &handle), STATUS_NO_QUOTA);
	assert_int_equal(memory.references, 1);
	assert_int_equal(event.references, 1 + HANDLE_MAX);
}

/* Closed entries are reused, the lowest first, and none is lost. */
static void test_free_entries(void **state)
{
	handle_t handles[HANDLE_MAX];
	u64 handle;

	(void)state;
	for (u32 i = 0; i < HANDLE_MAX; i++)
		handles[i] = give(&event, RIGHT_ALL);
	assert_int_equal(handle_close(&table, handles[200]), STATUS_OK);
	assert_int_equal(handle_close(&table, handles[7]), STATUS_OK);
	assert_int_equal(give(&memory, RIGHT_ALL) & 0xffff, 8);
	assert_int_equal(give(&memory, RIGHT_ALL) & 0xffff, 201);
	assert_int_equal(handle_insert(&table, &memory, RIGHT_ALL, &handle), STATUS_NO_QUOTA);
	memory.dead = true;
	handle_close_those(&table, true);
	assert_int_equal(memory.references, 1);
	assert_int_equal(give(&event, RIGHT_ALL) & 0xffff, 8);
	handle_close_those(&table, false);
	assert_int_equal(event.references, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lookup, setup),
		cmocka_unit_test_setup(test_forged, setup),
		cmocka_unit_test_setup(test_closed_is_stale, setup),
		cmocka_unit_test_setup(test_dead_is_stale_but_can_be_closed, setup),
		cmocka_unit_test_setup(test_references, setup),
		cmocka_unit_test_setup(test_full_table, setup),
		cmocka_unit_test_setup(test_free_entries, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
