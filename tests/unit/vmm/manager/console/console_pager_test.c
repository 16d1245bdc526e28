/* SPDX-License-Identifier: MIT */
/* The console's pager: it stops after each screenful, and not when it is off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/console/console_pager.c"

static struct pager pager;
static u32 position;

/* Sends as much of the text at `position` as the pager lets through, at most 3 bytes a time. */
static u32 send(const char *text)
{
	const u8 *bytes = (const u8 *)text;
	u32 length = (u32)strlen(text);
	u32 sent = 0;

	while (sent < length) {
		u32 count = pager_allow(&pager, bytes + sent, length - sent, position);

		count = MIN(count, 3u);
		if (count == 0)
			break;
		pager_sent(&pager, bytes + sent, count, position);
		sent += count;
		position += count;
	}
	return sent;
}

static void begin(u32 rows, const char *typed)
{
	position = 0xfffffff0u; /* the positions wrap */
	pager_begin(&pager, rows, position + (u32)strlen(typed));
}

static void test_pages(void **state)
{
	(void)state;
	begin(3, "help\r\n");
	assert_int_equal(send("help\r\na\nb\nc\nd\ne\n"), 10);
	assert_true(pager.paused);
	assert_int_equal(send("c\nd\ne\n"), 0);
	pager_more(&pager, 1);
	assert_int_equal(send("c\nd\ne\n"), 2);
	assert_true(pager.paused);
	pager_more(&pager, 2);
	pager_end(&pager, position + 4);
	/* The last lines fill the screen exactly: only the prompt follows them. */
	assert_int_equal(send("d\ne\nskerry> x\ny\nz\n"), 18);
	assert_false(pager.paused || pager.active);
}

static void test_off(void **state)
{
	(void)state;
	begin(0, "");
	assert_int_equal(send("a\nb\nc\n"), 6);
	begin(2, "");
	assert_int_equal(send("a\nb\nc\n"), 2);
	assert_true(pager.paused);
	pager_off(&pager);
	assert_int_equal(send("b\nc\n"), 4);
	assert_false(pager.paused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
