/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.c"
#include "vmm/manager/config/cpio.c"
#include "vmm/manager/text/parse_number.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/format.c"

static char archive[8192];
static size_t archive_size;

static void pad(void)
{
	while (archive_size % 4 != 0)
		archive[archive_size++] = '\0';
}

static void add(const char *name, u32 mode, const char *data, size_t size)
{
	size_t name_size = strlen(name) + 1;

	archive_size += format(archive + archive_size, 111,
			       "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			       1u, mode, 0u, 0u, 1u, 0u, (u32)size, 0u, 0u, 0u, 0u,
			       (u32)name_size, 0u);
	memcpy(archive + archive_size, name, name_size);
	archive_size += name_size;
	pad();
	memcpy(archive + archive_size, data, size);
	archive_size += size;
	pad();
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
	/* Cut before each member and before the trailer, or in the padding in front of it. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_broken_fields),
		cmocka_unit_test(test_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
