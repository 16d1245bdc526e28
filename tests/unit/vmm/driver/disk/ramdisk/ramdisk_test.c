/* SPDX-License-Identifier: MIT */
/* The driver of disks in memory: an empty disk, and one over a file of the bundle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/driver_process_fake.h"
#include "vmm/driver/disk/ramdisk/ramdisk.c"
#include "vmm/rt/format.h"

#include "tests/unit/disk_conformance.h"

#define DISK_BYTES  (1u << 20)
#define DISK_PAGES  (DISK_BYTES / PAGE_SIZE)
#define FILE_BYTES  (DISK_BYTES / 2 + 100) /* the length of the file, which ends within a sector */
#define STORE_BYTES ((DISK_PAGES + 1) * PAGE_SIZE)

static _Alignas(PAGE_SIZE) u8 memory[STORE_BYTES];
static u8 bundle_file[FILE_BYTES];
static u8 data[17 * PAGE_SIZE];
static u8 shown[DISK_BYTES];
static struct start_entry file_entry = {.offset = 0};
static bool has_file;

const struct start_entry *start_find(enum start_kind kind)
{
	return kind == START_DISK_FILE && has_file ? &file_entry : NULL;
}

const struct start_entry *start_next(const struct start_entry *entry)
{
	(void)entry;
	return NULL;
}

void request_finish(struct driver_request *request, enum block_status status)
{
	assert_true(conformance_finish(request, status));
}

static void conformance_make(void)
{
	memset(memory, 0, sizeof(memory));
	memset(stores, 0, sizeof(stores));
	store_count = 0;
	file = NULL;
	file_bytes = 0;
	for (u32 i = 0; i < FILE_BYTES; i++)
		bundle_file[i] = (u8)random_step(&conformance_seed);
	file_entry.offset = (u64)(uintptr_t)bundle_file;
	file_entry.value = FILE_BYTES;
	process_given.memory = (struct driver_dma){memory, NULL, sizeof(memory) / PAGE_SIZE};
	process_given.info.parameter[DRIVER_DISK_BYTES] = DISK_BYTES;
	memset(shown, 0, sizeof(shown));
	if (has_file)
		memcpy(shown, bundle_file, FILE_BYTES);
	conformance.data = data;
	conformance.disk = shown;
	conformance.bytes = DISK_BYTES;
}

/* Shows what the disk holds. */
static void conformance_work(void)
{
	ramdisk_read_bytes(shown, 0, DISK_BYTES);
}

static int set_up_empty(void **state)
{
	(void)state;
	has_file = false;
	return 0;
}

static int set_up_file(void **state)
{
	(void)state;
	has_file = true;
	return 0;
}

/* The next process finds what this one has answered. */
static void outlives(void **state)
{
	char problem[64] = "";

	(void)state;
	conformance_start();
	memset(data, 0x33, sizeof(data));
	assert_int_equal(conformance_run(BLOCK_WRITE, 9, 3), BLOCK_OK);
	memset(stores, 0, sizeof(stores));
	store_count = 0;
	assert_true(driver_ops.start(&conformance_disk, problem, sizeof(problem)));
	conformance_work();
	assert_memory_equal(shown + 9 * 512, data, 3 * 512);
	assert_memory_equal(shown, bundle_file, 9 * 512);
}

static void too_little_memory(void **state)
{
	char problem[64] = "";

	(void)state;
	conformance_make();
	process_given.memory.pages--;
	assert_false(driver_ops.start(&conformance_disk, problem, sizeof(problem)));
	assert_string_equal(problem, "no memory for a disk of 1048576 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TESTS(set_up_empty),
		CONFORMANCE_TESTS(set_up_file),
		cmocka_unit_test_setup(outlives, set_up_file),
		cmocka_unit_test_setup(too_little_memory, set_up_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
