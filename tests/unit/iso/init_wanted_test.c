/* SPDX-License-Identifier: MIT */
/* What the init of a run sends of the files that the host wants, whatever the command left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "iso/init/wanted.c"
#include "iso/init/words.c"

static char folder[64];
static size_t sent[WORDS_WANTED];
static int done[WORDS_WANTED];

bool gate_send(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count)
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
	return true;
}

void gate_power_off(void)
{
	abort();
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
	wanted_files(&gate, &words);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_words),
	};
	static const char *const names[] = {"some", "most", "long", "endless", "empty", "pipe"};
	char path[100];
	int failed;

	strcpy(folder, "/tmp/init_wanted_XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	return failed;
}
