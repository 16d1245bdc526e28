/* SPDX-License-Identifier: MIT */
/* Splitting a command line into words and joining words again, with quotes and at its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/command/words.c"

static struct words words;

static void expect(const char *line, u32 count, const char *first, const char *last)
{
	words_split(&words, line);
	assert_null(words.problem);
	assert_int_equal(words.count, count);
	assert_string_equal(words.word[0], first);
	assert_string_equal(words.word[count - 1], last);
}

static void test_split(void **state)
{
	(void)state;
	expect("  vm   list ", 2, "vm", "list");
	expect("a \"b c\" d\"e f\"g", 3, "a", "de fg");
	expect("a \"q\\\"q\\\\\" b\\c", 3, "a", "b\\c");
	assert_string_equal(words.word[1], "q\"q\\");
	expect("a \"\"", 2, "a", "");
	words_split(&words, "");
	assert_int_equal(words.count, 0);
	words_split(&words, "a \"b");
	assert_non_null(words.problem);
}

static void test_too_many(void **state)
{
	char line[3 * COMMAND_WORDS_MAX + 16] = "";

	(void)state;
	for (u32 i = 0; i < COMMAND_WORDS_MAX + 2; i++)
		memcpy(line + 2 * i, "x ", 3);
	words_split(&words, line);
	assert_null(words.problem);
	memcpy(line + 2 * (COMMAND_WORDS_MAX + 2), "x", 2);
	words_split(&words, line);
	assert_non_null(words.problem);
}

/* Joined words split into the same words again. */
static void test_join(void **state)
{
	static const char *const given[] = {"vm", "set", "a b", "", "q\"\\q", "x\\y", "\"\\ \\\""};
	char line[LINE_MAX + 1];
	char small[8];

	(void)state;
	assert_true(words_join(line, sizeof(line), given, ARRAY_COUNT(given)));
	words_split(&words, line);
	assert_null(words.problem);
	assert_int_equal(words.count, ARRAY_COUNT(given));
	for (u32 i = 0; i < words.count; i++)
		assert_string_equal(words.word[i], given[i]);
	assert_false(words_join(small, sizeof(small), given, ARRAY_COUNT(given)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
