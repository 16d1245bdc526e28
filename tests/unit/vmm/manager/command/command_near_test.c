/* SPDX-License-Identifier: MIT */
/* What was meant by a command that there is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/command/command_near.c"
#include "vmm/rt/format.h"

static const struct command mem = {.name = "mem"};
static const struct command log_show = {.name = "log show"};
static const struct command vm_list = {.name = "vm list"};
static const struct command vm_pause = {.name = "vm pause"};

/* The linker's two ends of the list, side by side. */
__asm__(".pushsection .data.rel\n.balign 8\n.globl commands_start, commands_end\n"
	"commands_start: .quad test_mem, test_log, test_list, test_pause\ncommands_end:\n"
	".popsection");
extern const struct command test_mem __attribute__((alias("mem")));
extern const struct command test_log __attribute__((alias("log_show")));
extern const struct command test_list __attribute__((alias("vm_list")));
extern const struct command test_pause __attribute__((alias("vm_pause")));

static void expect(const char *first, const char *second, const char *near)
{
	const char *found = command_near(first, second);

	if (near == NULL)
		assert_null(found);
	else
		assert_string_equal(found, near);
}

static void nearest(void **state)
{
	(void)state;
	expect("vm", "lsit", "vm list"); /* two letters are swapped */
	expect("vm", "lists", "vm list");
	expect("vn", "lst", "vm list");
	expect("mm", "", "mem");
	expect("mem", "x", "mem"); /* the command's own matter */
	expect("log", "shwo", "log show");
	expect("vm", "puse", "vm pause");
	expect("vm", "", NULL);
	expect("ls", "", NULL);
	expect("me", "list", "mem");
	expect("", "", NULL);
	expect("a-very-long-word-indeed-it-is", "and-another", NULL);
	expect("123456789012345678901234", "", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nearest)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
