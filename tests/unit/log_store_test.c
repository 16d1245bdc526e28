/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/format.c"
#include "lib/string.c"
#include "vmm/manager/log_format.c"
#include "vmm/manager/log_store.c"

static struct log_store store;

static void add(const char *vm, const char *text, u64 time)
{
	struct log_line line = {.time_ns = time,
				.cpu = 3,
				.level = 1,
				.category = 6,
				.vm = text_of(vm),
				.text = text_of(text)};

	log_store_add(&store, &line);
}

static void test_order(void **state)
{
	struct log_cursor cursor = {.sequence = 0};
	struct log_line line;
	u64 lost = 0;

	(void)state;
	log_store_init(&store);
	assert_false(log_store_next(&store, &cursor, &line, &lost));
	add("alpha", "first", 10);
	add("", "second", 20);
	assert_true(log_store_next(&store, &cursor, &line, &lost));
	assert_int_equal(line.sequence, 1);
	assert_int_equal(line.time_ns, 10);
	assert_int_equal(line.cpu, 3);
	assert_int_equal(line.category, 6);
	assert_true(text_equal(line.vm, "alpha") && text_equal(line.text, "first"));
	assert_true(log_store_next(&store, &cursor, &line, &lost));
	assert_true(text_equal(line.vm, "") && text_equal(line.text, "second"));
	assert_false(log_store_next(&store, &cursor, &line, &lost));
	add("", "third", 30);
	assert_true(log_store_next(&store, &cursor, &line, &lost));
	assert_true(text_equal(line.text, "third"));
	assert_int_equal(lost, 0);
}

static void test_clean_and_cut(void **state)
{
	struct log_cursor cursor = {.sequence = 0};
	char text[LOG_TEXT_BYTES + 50];
	struct log_line line;
	u64 lost = 0;

	(void)state;
	log_store_init(&store);
	add("a\x1bz", "\x1b[31m\xc3\xa4\n\x7f", 1);
	assert_true(log_store_next(&store, &cursor, &line, &lost));
	assert_true(text_equal(line.vm, "a?z") && text_equal(line.text, "?[31m????"));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	add(text, text, 1);
	assert_true(log_store_next(&store, &cursor, &line, &lost));
	assert_int_equal(line.vm.length, LOG_VM_BYTES);
	assert_int_equal(line.text.length, LOG_TEXT_BYTES);
}

/* Many times round: a fast reader sees every line, a slow one learns how many it missed. */
static void test_overwrite(void **state)
{
	struct log_cursor fast = {.sequence = 0};
	struct log_cursor slow = {.sequence = 0};
	struct log_cursor late = {.sequence = 0};
	struct log_line line;
	char text[LOG_TEXT_BYTES + 1];
	u64 lost = 0;
	u64 slow_lost = 0;
	u64 late_lost = 0;
	u64 seen = 0;

	(void)state;
	log_store_init(&store);
	memset(text, 'x', sizeof(text));
	add("vm", "line 0", 0);
	assert_true(log_store_next(&store, &fast, &line, &lost));
	assert_true(log_store_next(&store, &slow, &line, &slow_lost));
	for (u64 i = 1; i < 50000; i++) {
		size_t length = 10 + i * 7 % (LOG_TEXT_BYTES - 10);

		format(text, sizeof(text), "%-*llu", (int)length, (unsigned long long)i);
		add("vm", text, i);
		assert_true(log_store_next(&store, &fast, &line, &lost));
		assert_int_equal(line.sequence, i + 1);
		assert_int_equal(line.time_ns, i);
		assert_int_equal(line.text.length, length);
		assert_memory_equal(line.text.start, text, length);
	}
	assert_int_equal(lost, 0);
	while (log_store_next(&store, &slow, &line, &slow_lost))
		seen++;
	assert_int_equal(seen + slow_lost, 49999);
	assert_true(seen > 1000 && slow_lost > 1000);
	assert_true(log_store_next(&store, &late, &line, &late_lost));
	assert_int_equal(late_lost, 0);
	assert_true(store.written - store.oldest <= LOG_STORE_BYTES);
}

static void test_clear(void **state)
{
	struct log_cursor cursor = {.sequence = 0};
	struct log_line line;
	u64 lost = 0;

	(void)state;
	log_store_init(&store);
	add("", "old", 1);
	log_store_clear(&store);
	assert_false(log_store_next(&store, &cursor, &line, &lost));
	add("", "new", 2);
	assert_true(log_store_next(&store, &cursor, &line, &lost));
	assert_true(text_equal(line.text, "new"));
}

static const char *formatted(const char *pattern, u32 count)
{
	static const u64 arguments[5] = {42, 0xdeadbeefcafe, (u64)-7, 'x', 0x1b};
	static char text[64];
	size_t length = log_format(text, sizeof(text), text_of(pattern), arguments, count);

	assert_int_equal(length, strlen(text));
	return text;
}

static void test_format(void **state)
{
	(void)state;
	assert_string_equal(formatted("n %u x %#lx d %lld c %c%c", 5),
			    "n 42 x 0xdeadbeefcafe d -7 c x?");
	assert_string_equal(formatted("%016lx|%-6u|%6d%%", 3),
			    "000000000000002a|244837814094590|    -7%");
	assert_string_equal(formatted("%p", 1), "0x2a");
	/* arguments that are not there, conversions that do not exist, ends inside */
	assert_string_equal(formatted("%u %u", 1), "42 %u");
	assert_string_equal(formatted("%s %n %u", 5), "%s %n 42");
	assert_string_equal(formatted("%", 1), "%");
	assert_string_equal(formatted("%-0", 1), "%-0");
	assert_string_equal(formatted("%9999999999u", 1), "                              42");
}

static void test_format_cut(void **state)
{
	const u64 argument = 123456;
	char text[8];

	(void)state;
	assert_int_equal(log_format(text, sizeof(text), text_of("abcd %u tail"), &argument, 1), 7);
	assert_string_equal(text, "abcd 12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	  cmocka_unit_test(test_clean_and_cut),
		cmocka_unit_test(test_overwrite), cmocka_unit_test(test_clear),
		cmocka_unit_test(test_format),	  cmocka_unit_test(test_format_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
