/* SPDX-License-Identifier: MIT */
/* The files that come with the image: of modules, and of bundles as archivers and loaders make
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/config/cpio.c"
#include "vmm/manager/config/files.c"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static struct start_entry modules[2];
static u32 module_count;
static u8 bundle[PAGE_SIZE * 4];
static size_t bundle_bytes;
static char reported[512];
/* the fields of members' headers that were parsed, "0x" and eight digits each */
static u32 fields_parsed;

bool parse_u64(struct text text, u64 *value)
{
	char digits[11] = "";
	char *end;

	assert_int_equal(text.length, sizeof(digits) - 1);
	memcpy(digits, text.start, text.length);
	*value = strtoul(digits, &end, 16);
	fields_parsed++;
	return *end == '\0';
}

const struct start_entry *start_find(enum start_kind kind)
{
	return kind == START_MODULE && module_count != 0 ? modules : NULL;
}

const struct start_entry *start_next(const struct start_entry *entry)
{
	return entry + 1 < modules + module_count ? entry + 1 : NULL;
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space, (void)at, (void)memory, (void)offset, (void)rights;
	assert_true(bytes <= sizeof(bundle));
	*address = (u64)(uintptr_t)bundle;
	return STATUS_OK;
}

static void report(const char *problem)
{
	string_copy(reported, sizeof(reported), problem);
}

static void pad(void)
{
	while (bundle_bytes % 4 != 0)
		bundle[bundle_bytes++] = 0;
}

static void add(const char *name, const char *bytes, u32 inode, u32 links)
{
	u32 name_bytes = (u32)strlen(name) + 1;

	bundle_bytes += format((char *)bundle + bundle_bytes, 111,
			       "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", inode,
			       0100644u, 0u, 0u, links, 0u, (u32)strlen(bytes), 0u, 0u, 0u, 0u,
			       name_bytes, 0u);
	memcpy(bundle + bundle_bytes, name, name_bytes);
	bundle_bytes += name_bytes;
	pad();
	memcpy(bundle + bundle_bytes, bytes, strlen(bytes));
	bundle_bytes += strlen(bytes);
	pad();
}

static void end_archive(size_t zeros)
{
	add(TRAILER, "", 0, 1);
	memset(bundle + bundle_bytes, 0, zeros);
	bundle_bytes += zeros;
}

static int set_up(void **state)
{
	(void)state;
	file_count = 0;
	bundle_bytes = 0;
	reported[0] = '\0';
	return 0;
}

static void take_bundle(void)
{
	modules[0] = (struct start_entry){.kind = START_MODULE, .handle = 9, .value = bundle_bytes};
	module_count = 1;
	files_init(report);
}

static void expect_file(const char *name, const char *bytes)
{
	const struct file *file = file_find(name);

	assert_non_null(file);
	assert_int_equal(file->size, strlen(bytes));
	assert_memory_equal(file->bytes, bytes, file->size);
	assert_ptr_equal(file->bytes, bundle + file->offset);
	assert_int_equal(file->memory, 9);
}

/* cpio stores the bytes of a file with several names once. */
static void linked_names_are_one_file(void **state)
{
	(void)state;
	add("linux", "", 7, 3);
	add("vmlinuz", "", 7, 3);
	add("initrd", "initrd", 8, 1);
	add("kernel", "kernel", 7, 3);
	add("first", "first", 9, 2);
	add("second", "", 9, 2);
	add("empty", "", 10, 2);
	end_archive(0);
	take_bundle();
	assert_string_equal(reported, "");
	expect_file("linux", "kernel");
	expect_file("vmlinuz", "kernel");
	expect_file("kernel", "kernel");
	expect_file("second", "first");
	expect_file("empty", "");
}

/* An archive is walked twice at most, however many names without bytes there are. */
static void many_links_are_found_in_one_walk(void **state)
{
	u32 members = FILE_MAX + 1;
	char name[8];

	(void)state;
	fields_parsed = 0;
	add("none", "", 7, 1);
	end_archive(0);
	take_bundle();
	set_up(state);
	members += 1; /* the trailer is a member too */
	members *= fields_parsed / 2;
	fields_parsed = 0;
	for (u32 i = 0; i < FILE_MAX; i++) {
		format(name, sizeof(name), "link%u", i);
		add(name, "", i % 2, 3);
	}
	add("link0", "even", 0, 3);
	end_archive(0);
	take_bundle();
	assert_in_range(fields_parsed, members, 2 * members);
	expect_file("link2", "even");
	expect_file("link62", "even");
	expect_file("link1", "");
}

/* A file's bytes are found also where the name that has them cannot be used. */
static void bytes_of_a_name_that_is_left_out(void **state)
{
	char name[FILE_NAME_BYTES + 1];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	add("linux", "", 7, 2);
	add(name, "kernel", 7, 2);
	end_archive(0);
	take_bundle();
	assert_non_null(strstr(reported, "is left out"));
	expect_file("linux", "kernel");
	assert_null(file_at(1));
}

/* All archives of a bundle count; of two files of one name the later archive's counts. */
static void later_archives_come_on_top(void **state)
{
	(void)state;
	for (u32 zeros = 0; zeros <= 512; zeros += 512) {
		set_up(NULL);
		add("skerry.conf", "old", 1, 1);
		add("linux", "", 2, 2);
		end_archive(zeros);
		add("skerry.conf", "new one", 1, 1);
		add("other", "other", 2, 2);
		end_archive(zeros);
		take_bundle();
		assert_string_equal(reported, "");
		expect_file("skerry.conf", "new one");
		expect_file("other", "other");
		expect_file("linux", ""); /* a file's names lie in one archive */
		assert_null(file_at(3));
	}
	set_up(NULL);
	add("twice", "one", 1, 1);
	add("twice", "two", 2, 1);
	end_archive(0);
	take_bundle();
	assert_string_equal(reported, "boot modules: two files named twice, the first counts");
	expect_file("twice", "one");
}

/* In each archive the first member of a name counts. */
static void first_of_an_archive_counts(void **state)
{
	(void)state;
	add("linux", "old", 1, 1);
	end_archive(0);
	add("linux", "", 7, 2);
	add("linux", "plain", 8, 1);
	add("other", "kernel", 7, 2);
	end_archive(0);
	take_bundle();
	assert_string_equal(reported, "boot modules: two files named linux, the first counts");
	expect_file("linux", "kernel");
}

static void names_what_follows(void **state)
{
	(void)state;
	add("linux", "kernel", 1, 1);
	end_archive(4);
	memcpy(bundle + bundle_bytes, "\x1f\x8b\x08 and so on", 13);
	bundle_bytes += 13;
	take_bundle();
	assert_string_equal(reported,
			    "boot bundle (265 bytes): at byte 252: bad magic, 070701 (newc, "
			    "not compressed) is expected");
	expect_file("linux", "kernel");
}

static void names_what_is_empty(void **state)
{
	char problem[160];

	(void)state;
	add("linux", "", 1, 1);
	add("initrd", "x", 2, 1);
	end_archive(0);
	take_bundle();
	assert_null(file_find_filled("image", "linux", problem, sizeof(problem)));
	assert_string_equal(problem, "image: the file \"linux\" is empty; use one that is not");
	assert_null(file_find_filled("image", "more", problem, sizeof(problem)));
	assert_string_equal(problem, "image: there is no file \"more\" in the bundle");
	assert_ptr_equal(file_find_filled("image", "initrd", problem, sizeof(problem)),
			 file_find("initrd"));
	modules[0] = (struct start_entry){.kind = START_MODULE, .handle = 9, .name = "vmlinuz"};
	files_init(report);
	assert_string_equal(reported, "boot modules: vmlinuz is empty and is left out");
}

static void says_what_a_file_may_be(void **state)
{
	static u8 bios[2 * 65536];
	static u8 uefi[4096];
	const struct {
		const void *bytes;
		u64 size;
		const char *uses;
	} files_seen[] = {
		{"", 0, "kernel initrd"},
		{"x", 1, "kernel initrd"},
		{"\x7f"
		 "ELF",
		 4, "kernel"},
		{"MZ", 2, "kernel"},
		{"0707", 4, "initrd"},
		{"#cloud-config", 13, "seed"},
		{"#cloud-confi", 12, "kernel initrd"},
		{uefi, sizeof(uefi), "uefi"},
		{uefi, 43, "kernel initrd"},
		{bios, sizeof(bios), "bios"},
		{bios, sizeof(bios) - 1, "kernel initrd"},
		{bios, 65536, "kernel initrd"},
	};

	(void)state;
	bios[sizeof(bios) - 16] = 0xea;
	memcpy(uefi + 40, "_FVH", 4);
	for (size_t i = 0; i < ARRAY_COUNT(files_seen); i++) {
		struct file file = {.bytes = files_seen[i].bytes, .size = files_seen[i].size};

		assert_string_equal(file_uses(&file), files_seen[i].uses);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(many_links_are_found_in_one_walk),
		TEST(linked_names_are_one_file),
		TEST(bytes_of_a_name_that_is_left_out),
		TEST(later_archives_come_on_top),
		TEST(names_what_follows),
		TEST(names_what_is_empty),
		TEST(first_of_an_archive_counts),
		TEST(says_what_a_file_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
