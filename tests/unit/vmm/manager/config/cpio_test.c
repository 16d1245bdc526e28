/* SPDX-License-Identifier: MIT */
/*
 * Reading boot bundles: members, links and several archives; whatever is truncated or broken is
 * refused with a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/config/cpio.c"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static char archive[8192];
static size_t archive_size;

static void pad(void)
{
	while (archive_size % 4 != 0)
		archive[archive_size++] = '\0';
}

static void add_link(const char *name, u32 mode, const char *data, size_t size, u32 inode,
		     u32 links, u32 minor)
{
	size_t name_size = strlen(name) + 1;

	archive_size +=
		format(archive + archive_size, 111,
		       "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", inode, mode,
		       0u, 0u, links, 0u, (u32)size, 8u, minor, 0u, 0u, (u32)name_size, 0u);
	memcpy(archive + archive_size, name, name_size);
	archive_size += name_size;
	pad();
	memcpy(archive + archive_size, data, size);
	archive_size += size;
	pad();
}

static void add(const char *name, u32 mode, const char *data, size_t size)
{
	add_link(name, mode, data, size, 1, 1, 0);
}

static void make(void)
{
	archive_size = 0;
	add(".", 0040755, "", 0);
	add("./skerry.conf", 0100644, "[host]\n", 7);
	add("link", 0120777, "skerry.conf", 11);
	add("/dir/vmlinuz", 0100644, "kernel", 6);
	add("empty", 0100600, "", 0);
	add("TRAILER!!!", 0, "", 0);
}

/* Walks a copy of exactly `size` bytes, so that ASan catches any read past its end. */
static enum cpio_result walk(size_t size, u32 *members, char *problem, size_t problem_size)
{
	char *copy = malloc(size == 0 ? 1 : size);
	struct cpio_member member;
	enum cpio_result result;
	struct cpio cpio;

	memcpy(copy, archive, size);
	cpio_start(&cpio, copy, size);
	*members = 0;
	while ((result = cpio_next(&cpio, &member)) == CPIO_MEMBER) {
		(*members)++;
		assert_true(member.offset <= size && member.size <= size - member.offset);
		assert_true(*members < 1000);
	}
	string_copy(problem, problem_size, result == CPIO_BROKEN ? cpio.problem : "");
	free(copy);
	return result;
}

static void test_members(void **state)
{
	struct cpio_member member;
	struct cpio cpio;

	(void)state;
	make();
	cpio_start(&cpio, archive, archive_size);
	assert_int_equal(cpio_next(&cpio, &member), CPIO_MEMBER);
	assert_false(member.is_file);
	assert_int_equal(cpio_next(&cpio, &member), CPIO_MEMBER);
	assert_true(member.is_file && text_equal(member.name, "skerry.conf"));
	assert_int_equal(member.size, 7);
	assert_memory_equal(archive + member.offset, "[host]\n", 7);
	assert_int_equal(cpio_next(&cpio, &member), CPIO_MEMBER);
	assert_false(member.is_file);
	assert_int_equal(cpio_next(&cpio, &member), CPIO_MEMBER);
	assert_true(member.is_file && text_equal(member.name, "dir/vmlinuz"));
	assert_memory_equal(archive + member.offset, "kernel", 6);
	assert_int_equal(cpio_next(&cpio, &member), CPIO_MEMBER);
	assert_true(member.is_file && member.size == 0);
	assert_int_equal(cpio_next(&cpio, &member), CPIO_END);
}

/* Cut anywhere, the archive is refused with a text, and nothing past its end is read. */
static void test_truncated(void **state)
{
	char problem[80];
	u32 members;
	u32 missing = 0;

	(void)state;
	make();
	for (size_t size = 0; size < archive_size; size++) {
		if (walk(size, &members, problem, sizeof(problem)) == CPIO_END) {
			/* Only the padding after the trailer may be missing. */
			assert_true(size >= archive_size - 4);
			continue;
		}
		if (strcmp(problem, "the trailer is missing") == 0)
			missing++;
		else
			assert_non_null(strstr(problem, "truncated"));
	}
	/*
	 * The archives are cut before each member and before the trailer, or in the padding in
	 * front of it.
	 */
	assert_int_equal(missing, 6 + 1 + 1 + 2);
	assert_int_equal(walk(archive_size, &members, problem, sizeof(problem)), CPIO_END);
	assert_int_equal(members, 5);
}

static void expect_problem(const char *expected)
{
	char problem[80];
	u32 members;

	assert_int_equal(walk(archive_size, &members, problem, sizeof(problem)), CPIO_BROKEN);
	assert_string_equal(problem, expected);
}

static void test_broken_fields(void **state)
{
	(void)state;
	make();
	archive[3] = '9';
	expect_problem("bad magic, 070701 (newc, not compressed) is expected");
	make();
	archive[6 + 6 * 8] = 'g';
	expect_problem("a header field is not hexadecimal");
	make();
	memcpy(archive + 6 + 6 * 8, "ffffffff", 8);
	expect_problem("truncated inside a member's data");
	make();
	memcpy(archive + 6 + 11 * 8, "ffffffff", 8);
	expect_problem("truncated inside a member's name");
	make();
	memcpy(archive + 6 + 11 * 8, "00000000", 8);
	expect_problem("a member without a name");
	make();
	memcpy(archive + 6 + 11 * 8, "00000003", 8);
	expect_problem("a member's name is not terminated where its length says");
}

/* A name's length is the consumer's to judge: the walk gives it and the members after it. */
static void test_long_name(void **state)
{
	char name[300];
	char problem[80];
	u32 members;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	archive_size = 0;
	add(name, 0100644, "", 0);
	add("skerry.conf", 0100644, "[host]\n", 7);
	add("TRAILER!!!", 0, "", 0);
	assert_int_equal(walk(archive_size, &members, problem, sizeof(problem)), CPIO_END);
	assert_int_equal(members, 2);
}

static struct cpio_member members[16];

static enum cpio_result take(struct cpio *cpio, u32 count)
{
	enum cpio_result result = CPIO_MEMBER;

	for (u32 i = 0; i < count && result == CPIO_MEMBER; i++)
		result = cpio_next(cpio, &members[i]);
	return result;
}

static void expect_bytes(const struct cpio *start, u32 member, const char *bytes)
{
	struct cpio_member found = members[member];

	if (bytes == NULL) {
		assert_true(cpio_find_bytes(*start, &found, 1) == 0);
		return;
	}
	assert_true(cpio_find_bytes(*start, &found, 1) == 1);
	assert_int_equal(found.size, strlen(bytes));
	assert_memory_equal(archive + found.offset, bytes, found.size);
}

/* Of a file with several names one name has the bytes, the first, the last or any. */
static void test_links(void **state)
{
	struct cpio start;
	struct cpio cpio;

	(void)state;
	archive_size = 0;
	add_link("one", 0100644, "", 0, 5, 3, 0);
	add_link("first", 0100644, "first", 5, 6, 2, 0);
	add_link("other device", 0100644, "", 0, 5, 2, 1);
	add_link("alone", 0100644, "alone", 5, 5, 1, 1);
	add_link("folder", 0040755, "", 0, 5, 3, 1);
	add_link("two", 0100644, "", 0, 5, 3, 0);
	add_link("three", 0100644, "three", 5, 5, 3, 0);
	add_link("second", 0100644, "", 0, 6, 2, 0);
	add("TRAILER!!!", 0, "", 0);
	cpio_start(&start, archive, archive_size);
	cpio = start;
	assert_int_equal(take(&cpio, 8), CPIO_MEMBER);
	assert_true(members[0].is_linked && members[6].is_linked);
	assert_false(members[3].is_linked || members[4].is_linked || members[4].is_file);
	expect_bytes(&start, 0, "three");
	expect_bytes(&start, 5, "three");
	expect_bytes(&start, 7, "first");
	expect_bytes(&start, 2, NULL);
}

/* Archives follow each other, with or without zeros between; each has its own inodes. */
static void test_several_archives(void **state)
{
	static const u32 zeros[] = {0, 4, 512, 2048};
	struct cpio start;
	struct cpio cpio;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(zeros); i++) {
		memset(archive, 0, sizeof(archive));
		archive_size = 0;
		add_link("one", 0100644, "", 0, 5, 2, 0);
		add("TRAILER!!!", 0, "", 0);
		archive_size += zeros[i];
		add_link("two", 0100644, "bytes", 5, 5, 2, 0);
		add("TRAILER!!!", 0, "", 0);
		archive_size += zeros[i];
		cpio_start(&start, archive, archive_size);
		cpio = start;
		assert_int_equal(take(&cpio, 2), CPIO_NEXT);
		expect_bytes(&start, 0, NULL);
		start = cpio;
		assert_int_equal(take(&cpio, 1), CPIO_MEMBER);
		assert_true(text_equal(members[0].name, "two"));
		expect_bytes(&start, 0, "bytes");
		assert_int_equal(cpio_next(&cpio, &members[0]), CPIO_END);
		assert_int_equal(cpio.offset, archive_size);
	}
}

/* Bytes that follow a trailer and are no archive are named with their place. */
static void test_behind_the_trailer(void **state)
{
	struct cpio cpio;
	size_t end;

	(void)state;
	make();
	end = archive_size;
	for (u32 zeros = 0; zeros < 8; zeros++) {
		memset(archive + end, 0, 100);
		memcpy(archive + end + zeros, "rest!!", 6);
		cpio_start(&cpio, archive, end + zeros + 6);
		assert_int_equal(take(&cpio, 6), zeros % 4 == 0 ? CPIO_NEXT : CPIO_BROKEN);
		assert_int_equal(cpio.offset, end + zeros);
		if (zeros % 4 == 0)
			assert_int_equal(take(&cpio, 1), CPIO_BROKEN);
		assert_non_null(strstr(cpio.problem,
				       zeros % 4 == 0 ? "bad magic, 070701" : "something follows"));
		assert_int_equal(cpio.offset, end + zeros);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_broken_fields),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_several_archives),
		cmocka_unit_test(test_behind_the_trailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
