/* SPDX-License-Identifier: MIT */
/* What a process sees of a file that lies anywhere in a bundle: its bytes, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/process/process_build.c"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

enum { GROUP = 7, SPACE = 8, OWN_SPACE = 9, MODULE = 10, COPY = 11 /* and those behind */ };
#define PAGES  4u
#define COPIES 2u
#define BASE   0x100000ull
#define OTHERS 0xee

static u8 module[PAGES * PAGE_SIZE];
static u8 copies[COPIES][PAGE_SIZE];
/* the bytes that the process sees, from BASE on; NULL: nothing is there */
static const u8 *seen[PAGES];
static u32 made;
static u32 open_handles;
static u32 shown; /* mappings of the manager */
static u32 calls_left;
static struct {
	struct start_info info;
	struct start_entry entry[4];
} start;
const struct start_info *start_info;

static bool refuses(void)
{
	return calls_left == 0 || calls_left-- == 0;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	assert_int_equal(group, GROUP);
	assert_int_equal(bytes, PAGE_SIZE);
	assert_int_equal(flags, 0);
	assert_true(made < COPIES);
	if (refuses())
		return STATUS_NO_QUOTA;
	open_handles++;
	*memory = COPY + made++;
	return STATUS_OK;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	u8 *from = memory == MODULE ? module + offset : copies[memory - COPY];

	if (refuses())
		return STATUS_NO_MEMORY;
	if (space == OWN_SPACE) {
		shown++;
		*address = (u64)(uintptr_t)from;
		return STATUS_OK;
	}
	assert_int_equal(space, SPACE);
	assert_int_equal(rights, RIGHT_READ);
	*address = at != 0 ? at : BASE;
	for (u64 i = 0; i < bytes / PAGE_SIZE; i++) {
		const u8 **page = &seen[(*address - BASE) / PAGE_SIZE + i];

		assert_null(*page);
		*page = from + i * PAGE_SIZE;
	}
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	shown -= space == OWN_SPACE;
	if (space == SPACE)
		memset(&seen[(at - BASE) / PAGE_SIZE], 0, bytes / PAGE_SIZE * sizeof(*seen));
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	assert_true(handle >= COPY);
	open_handles--;
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	assert_int_equal(kind, START_SPACE);
	return OWN_SPACE;
}

/* Fails: processes as a whole are not made here. */
enum status sys_process_create(handle_t group, handle_t image, u64 first_page, handle_t *process)
{
	(void)group, (void)image, (void)first_page, (void)process;
	return STATUS_NO_MEMORY;
}

enum status sys_process_space(handle_t process, handle_t *space)
{
	(void)process, (void)space;
	return STATUS_NO_MEMORY;
}

enum status sys_process_start(handle_t process, handle_t start_page)
{
	(void)process, (void)start_page;
	return STATUS_NO_MEMORY;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	(void)process, (void)handle, (void)rights, (void)theirs;
	return STATUS_NO_MEMORY;
}

enum status sys_ports_grant(handle_t root, handle_t process, u16 first, u32 count)
{
	(void)root, (void)process, (void)first, (void)count;
	return STATUS_NO_MEMORY;
}

void random_draw(void *bytes, size_t count)
{
	(void)bytes, (void)count;
}

/* Returns whether the kernel made all calls for the file. */
static bool given(const struct file *file, u32 calls)
{
	struct process_build build = {.group = GROUP, .space = SPACE, .info = &start.info};

	memset(&start, 0, sizeof(start));
	memset(seen, 0, sizeof(seen));
	memset(copies, 0, sizeof(copies));
	memset(module, OTHERS, sizeof(module));
	for (u64 i = 0; i < file->size; i++)
		module[file->offset + i] = (u8)(i % 200);
	made = open_handles = shown = 0;
	calls_left = calls;
	process_build_map_file(&build, START_FILE_KERNEL, file);
	assert_int_equal(open_handles + shown, 0);
	return !process_build_failed(&build);
}

static u8 seen_at(u64 at)
{
	assert_non_null(seen[at / PAGE_SIZE]);
	return seen[at / PAGE_SIZE][at % PAGE_SIZE];
}

static void assert_seen_alone(const struct file *file)
{
	u64 at = file->offset % PAGE_SIZE;
	u64 end = align_up(at + file->size, PAGE_SIZE);

	assert_int_equal(start.entry[0].offset, BASE + at);
	assert_int_equal(start.entry[0].value, file->size);
	for (u64 i = 0; i < end; i++) {
		bool its = i >= at && i - at < file->size;

		if (seen_at(i) != (its ? (u8)((i - at) % 200) : 0))
			fail_msg("byte %lu of a file of %lu bytes at %lu", i, file->size,
				 file->offset);
	}
	for (u64 i = end; i < sizeof(module); i += PAGE_SIZE)
		assert_null(seen[i / PAGE_SIZE]);
}

static void nothing_else(void **state)
{
	static const u64 sizes[] = {1,	  100,	PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1,
				    5000, 8192, 8193};
	static const u64 offsets[] = {0, 1, 100, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 4};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(sizes); i++) {
		for (u32 j = 0; j < ARRAY_COUNT(offsets); j++) {
			const struct file file = {.memory = MODULE,
						  .offset = offsets[j],
						  .size = sizes[i],
						  .bytes = module + offsets[j]};

			if (file.offset + file.size > sizeof(module))
				continue;
			assert_true(given(&file, ~0u));
			assert_seen_alone(&file);
		}
	}
}

static void refused(void **state)
{
	const struct file file = {
		.memory = MODULE, .offset = 100, .size = 9000, .bytes = module + 100};
	u32 calls = 0;

	(void)state;
	while (!given(&file, calls))
		calls++;
	assert_int_equal(calls, 1 + 3 + 1 + 3);
	assert_seen_alone(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_else),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
