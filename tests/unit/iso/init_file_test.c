/* SPDX-License-Identifier: MIT */
/*
 * What the init of a run sends of the files that the host wants, whatever the command left, and
 * where it writes those that the host sends.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "iso/init/file.c"
#include "iso/init/words.c"

static char folder[64];
static size_t sent[WORDS_WANTED];
static int done[WORDS_WANTED];

void gate_tell(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count)
{
	const uint8_t *said = bytes;

	assert_true(count >= 2 && count <= GATE_OUTPUT);
	assert_true(said[0] < WORDS_WANTED && done[said[0]] < 0);
	if (kind == GATE_DONE)
		done[said[0]] = said[1];
	else if (kind == GATE_PIECE)
		sent[said[0]] += count - 1;
	else
		fail();
}

bool gate_write(long file, const void *bytes, uint32_t count)
{
	return write((int)file, bytes, count) == (ssize_t)count;
}

static void make(const char *name, long bytes)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), bytes), 0);
	fclose(file);
}

/* Has one file sent, and returns what became of it. */
static int want(const char *name)
{
	struct words words = {.wanted_count = 1};
	struct gate gate = {0};
	char path[100];

	snprintf(path, sizeof(path), "%s%s%s", *name == '/' ? "" : folder, *name == '/' ? "" : "/",
		 name);
	words.wanted[0] = path;
	sent[0] = 0;
	done[0] = -1;
	file_send_wanted(&gate, &words);
	return done[0];
}

static void test_files(void **state)
{
	make("some", 10000);
	make("most", GATE_FILE_BYTES);
	make("long", GATE_FILE_BYTES + 1);
	make("endless", 1l << 40);
	make("empty", 0);
	assert_int_equal(want("some"), GATE_WHOLE);
	assert_int_equal(sent[0], 10000);
	assert_int_equal(want("most"), GATE_WHOLE);
	assert_int_equal(sent[0], GATE_FILE_BYTES);
	assert_int_equal(want("long"), GATE_TOO_LONG);
	assert_int_equal(want("endless"), GATE_TOO_LONG);
	assert_int_equal(sent[0], 0);
	assert_int_equal(want("empty"), GATE_WHOLE);
	assert_int_equal(want("none"), GATE_MISSING);
	assert_int_equal(want("some/none"), GATE_MISSING);
	/* It says that it has no bytes, and has some. */
	assert_int_equal(want("/proc/self/status"), GATE_WHOLE);
	assert_true(sent[0] > 0);
}

static void test_what_is_no_file(void **state)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20); /* nobody writes to the pipe: the init must not wait for that */
	assert_int_equal(want("pipe"), GATE_NO_FILE);
	assert_int_equal(want("/dev/zero"), GATE_NO_FILE);
	assert_int_equal(want("/proc"), GATE_NO_FILE);
	assert_int_equal(sent[0], 0);
	alarm(0);
}

/* Writes `count` bytes to place `at` of a file, as the host has them sent. */
static int put(const char *name, uint32_t at, uint32_t count)
{
	static char bytes[GATE_FILE_BYTES + 200];
	int length = snprintf(bytes, 100, "%s%s", *name == '/' ? folder : "", name);

	memset(bytes + length + 1, 'a' + (int)at % 26, count);
	return (int)file_put(bytes, (uint32_t)length + 1 + count, at);
}

static long size_of(const char *name)
{
	char path[100];
	struct stat about;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	return stat(path, &about) == 0 ? about.st_size : -1;
}

static void test_put(void **state)
{
	char path[100], name[] = "/no end", bytes[4];

	assert_int_equal(put("/a/b/c", 0, 10), GATE_WHOLE);
	assert_int_equal(put("/a/b/c", 10, 5), GATE_WHOLE);
	assert_int_equal(size_of("/a/b/c"), 15);
	assert_int_equal(put("/a/b/c", 0, 3), GATE_WHOLE); /* what was in it has gone */
	assert_int_equal(size_of("/a/b/c"), 3);
	assert_int_equal(put("/a/b/c", GATE_FILE_BYTES - 1, 1), GATE_WHOLE);
	assert_int_equal(size_of("/a/b/c"), GATE_FILE_BYTES);
	assert_int_equal(put("/a/b/c", GATE_FILE_BYTES, 1), GATE_TOO_LONG);
	assert_int_equal(put("/a/b/c", UINT32_MAX, 1), GATE_TOO_LONG);
	assert_int_equal(put("/a/b/d", 0, GATE_FILE_BYTES + 1), GATE_TOO_LONG);
	assert_int_equal(size_of("/a/b/d"), -1);
	assert_int_equal(put("/a/b/c/d", 0, 1), GATE_MISSING);
	assert_int_equal(put("relative", 0, 1), GATE_MISSING);
	assert_int_equal(file_put(name, sizeof(name) - 1, 0), GATE_MISSING);
	assert_int_equal(put("/a/b", 0, 1), GATE_NO_FILE);
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600) == 0 || errno == EEXIST, 1);
	alarm(20); /* nobody reads the pipe: the init must not wait for that */
	assert_int_equal(put("/pipe", 0, 1), GATE_NO_FILE);
	alarm(0);
	snprintf(path, sizeof(path), "%s/device", folder);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(put("/device", 0, 1), GATE_NO_FILE);
	assert_int_equal(put("/device", 5, 1), GATE_NO_FILE);
	snprintf(path, sizeof(path), "%s/a/b/c", folder);
	assert_int_equal(file_read(path, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "aaa", 4);
}

/* The host alone says what it wants: absolute paths, and no more than there is room for. */
static void test_words(void **state)
{
	static char nine[] = "o/1\0o/2\0o/3\0o/4\0o/5\0o/6\0o/7\0o/8\0o/9";
	static char relative[] = "oa/b", one[] = "o/a";
	struct words words = {0};

	assert_false(words_take(&words, one, sizeof(one), false));
	assert_false(words_take(&words, relative, sizeof(relative), true));
	assert_true(words_take(&words, one, sizeof(one), true));
	assert_int_equal(words.wanted_count, 1);
	assert_string_equal(words.wanted[0], "/a");
	words = (struct words){0};
	assert_true(words_take(&words, nine, sizeof(nine) - 4, true));
	assert_int_equal(words.wanted_count, WORDS_WANTED);
	words = (struct words){0};
	assert_false(words_take(&words, nine, sizeof(nine), true));
}

/* The host alone asks for a terminal, of a size that there can be. */
static void test_terminal(void **state)
{
	static char good[] = "t24x1000";
	char *wrong[] = {"t",	     "t24",	 "t24x",   "tx80",    "t0x80",		"t24x0",
			 "t1001x80", "t24x80x1", "t24:80", "t 24x80", "t24x99999999999"};
	struct words words = {0};

	assert_false(words_take(&words, good, sizeof(good), false));
	assert_true(words_take(&words, good, sizeof(good), true));
	assert_int_equal(words.rows, 24);
	assert_int_equal(words.columns, 1000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(words_take(&words, wrong[i], strlen(wrong[i]) + 1, true));
}

/* The host alone says where a volume is mounted, somewhere below the root, and how. */
static void test_volume(void **state)
{
	char *good[] = {"r/data", "v/a/b"};
	char *wrong[] = {"v", "v/", "r/", "va", "r.", "v:/a"};
	struct words words = {0};

	assert_false(words_take(&words, good[0], strlen(good[0]) + 1, false));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(words_take(&words, wrong[i], strlen(wrong[i]) + 1, true));
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(words_take(&words, good[i], strlen(good[i]) + 1, true));
		assert_string_equal(words.volume, good[i] + 1);
		assert_int_equal(words.volume_read, i == 0);
	}
}

static void test_user(void **state)
{
	char *good[] = {"u7:8", "u7", "u4294967294:0"};
	char *wrong[] = {"u",	   "u:",  "u7:",	 "u:8",
			 "u7:8:9", "u-1", "u4294967295", "u99999999999999999999999"};
	struct words words = {0};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(words_take(&words, wrong[i], strlen(wrong[i]) + 1, true));
	for (size_t i = sizeof(good) / sizeof(*good); i-- > 0;)
		assert_true(words_take(&words, good[i], strlen(good[i]) + 1, true));
	assert_int_equal(words.user, 7);
	assert_int_equal(words.group, 8);
}

static void check_replace(const char *path, const char *text)
{
	size_t count = strlen(text);
	char read[8];

	file_replace(path, text, (uint32_t)count);
	assert_int_equal(file_read(path, read, sizeof(read)), count);
	assert_memory_equal(read, text, count);
}

/* A link to nowhere, a pipe that nobody reads and a longer file all give way to the new file. */
static void test_replace(void **state)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/replaced", folder);
	assert_int_equal(symlink("none/none", path), 0);
	check_replace(path, "before");
	check_replace(path, "text");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_replace(path, "text");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	 cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_put),	 cmocka_unit_test(test_words),
		cmocka_unit_test(test_terminal), cmocka_unit_test(test_user),
		cmocka_unit_test(test_volume),	 cmocka_unit_test(test_replace),
	};
	static const char *const names[] = {"some",  "most", "long",   "endless",
					    "empty", "pipe", "device", "a/b/c"};
	static const char *const folders[] = {"a/b", "a", ""};
	char path[100];
	int failed;

	strcpy(folder, "/tmp/init_file_XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		rmdir(path);
	}
	return failed;
}
