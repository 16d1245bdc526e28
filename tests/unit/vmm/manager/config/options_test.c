/* SPDX-License-Identifier: MIT */
/* The kernel's command line: what the manager accepts, and that the kernel obeys the same words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/init/option.c"
#include "lib/string.h"
#include "vmm/manager/config/options.c"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static u32 problems;

static void take_problem(void *context, const char *problem)
{
	(void)context;
	(void)problem;
	problems++;
}

static void test_options(void **state)
{
	struct options options;

	(void)state;
	problems = 0;
	options_parse(&options, "", take_problem, NULL);
	assert_string_equal(options.config, "skerry.conf");
	assert_int_equal(options.console, 1);
	options_parse(&options,
		      "config=my.conf  console=com2 log=debug cpus=2 nokaslr run=\"vm list; mem\"",
		      take_problem, NULL);
	assert_int_equal(problems, 0);
	assert_string_equal(options.config, "my.conf");
	assert_int_equal(options.console, 2);
	assert_true(options.log_given);
	assert_int_equal(options.log, LOG_DEBUG);
	assert_string_equal(options.run, "vm list; mem");
	options_parse(&options, "console=com2 console=com1", take_problem, NULL);
	assert_int_equal(problems, 0);
	assert_int_equal(options.console, 1); /* the last value counts */
	options_parse(&options, "config= config=\"\"", take_problem, NULL);
	assert_int_equal(problems, 2);
	assert_string_equal(options.config, "skerry.conf");
	problems = 0;
	options_parse(&options, "\"run=a b\" console=com3 log= frob cpus=x run=\"open",
		      take_problem, NULL);
	assert_int_equal(problems, 4);
	assert_false(options.log_given);
	assert_int_equal(options.console, 1);
}

/* Each line is one word, with what the kernel reads from it: 0 if the manager reports it. */
static void test_kernel_words(void **state)
{
	static const struct {
		const char *line;
		u32 cpus;
		u32 nokaslr;
	} cases[] = {
		{"cpus=4", 4, 0},	 {"cpus=0256", 256, 0}, {"\"cpus=4\"", 4, 0},
		{"\"nokaslr\"", 0, 1},	 {" nokaslr\t", 0, 1},	{"cpus=", 0, 0},
		{"cpus=0", 0, 0},	 {"cpus=abc", 0, 0},	{"cpus=4x", 0, 0},
		{"cpus=0x4", 0, 0},	 {"cpus=0X4", 0, 0},	{"cpus=4\"", 0, 0},
		{"cpus=\"4\"", 0, 0},	 {"\"cpus=4", 0, 0},	{"\"cpus=4 \"", 0, 0},
		{"\"cpus=4\"5", 0, 0},	 {"\"nokaslr", 0, 0},	{"nokaslr\"\"", 0, 0},
		{"\"nokaslr x\"", 0, 0}, {"nokaslr1", 0, 0},	{"nokaslr=1", 0, 0},
	};
	struct options options;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		problems = 0;
		options_parse(&options, cases[i].line, take_problem, NULL);
		if (boot_option(cases[i].line, "cpus=") != cases[i].cpus ||
		    boot_option(cases[i].line, "nokaslr") != cases[i].nokaslr ||
		    problems != (cases[i].cpus + cases[i].nokaslr == 0))
			fail_msg("%s", cases[i].line);
	}
	/* a number above 32 bits limits nothing */
	assert_int_equal(boot_option("cpus=4294967297", "cpus="), 0);
	/* words that are reported are skipped */
	assert_int_equal(boot_option("cpus= cpus=x run=\"a cpus=7 b\" cpus=3 cpus=2", "cpus="), 3);
}

/*
 * Returns the value of the first such word that the manager accepts; a number from 100000 on limits
 * nothing.
 */
static u32 expected(const char *line, const char *name, u32 plain)
{
	struct text rest = text_of(line);
	struct options options;
	struct text value;
	struct text word;
	u64 number;

	while (options_next(&rest, &word)) {
		if (!options_set(&options, word))
			continue;
		if (plain != 0 && text_equal(word, name))
			return plain;
		if (plain == 0 && option_value(word, name, &value) && parse_u64(value, &number) &&
		    number < 100000)
			return (u32)number;
	}
	return 0;
}

static void test_kernel_agrees(void **state)
{
	static const char *const pieces[] = {"cpus=", "nokaslr", "\"", "\"",   " ", " ", "\t",
					     "4",     "0",	 "x",  "run=", "=", "12"};
	char line[128];
	u32 obeyed = 0;

	(void)state;
	srand(3);
	for (u32 round = 0; round < 300000; round++) {
		line[0] = '\0';
		for (u32 i = (u32)rand() % 12; i > 0; i--)
			strcat(line, pieces[(size_t)rand() % ARRAY_COUNT(pieces)]);
		if (boot_option(line, "cpus=") != expected(line, "cpus", 0) ||
		    boot_option(line, "nokaslr") != expected(line, "nokaslr", 1))
			fail_msg("<%s>", line);
		obeyed += boot_option(line, "cpus=") != 0;
	}
	assert_true(obeyed > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_kernel_words),
		cmocka_unit_test(test_kernel_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
