/* SPDX-License-Identifier: MIT */
/*
 * The log's store: lines come out in order, the oldest segment gives way as a whole, and the chain
 * of the audit holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/log/log_cost.h"
#include "vmm/manager/log/log_format.c"
#include "vmm/manager/log/log_chain.c"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/log/log_store.c"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/exit_names.h"
#include "vmm/rt/format.h"

#define SEGMENTS      4u
#define SEGMENT_BYTES 16384u

static struct log_store store;
static u8 store_bytes[SEGMENTS * SEGMENT_BYTES] ALIGNED(8);

static void begin(u64 age_ns)
{
	log_store_init(&store, store_bytes, SEGMENTS, SEGMENT_BYTES, age_ns);
}

static void add(const char *vm, const char *text, u64 time)
{
	struct log_line line = {.sequence = store.next_index,
				.time_ns = time,
				.cpu = 3,
				.level = 1,
				.category = 6,
				.vm = text_of(vm),
				.text = text_of(text)};

	log_store_add(&store, &line);
}

static void test_order(void **state)
{
	struct log_cursor cursor = {.index = 0};
	struct log_line line;

	(void)state;
	begin(0);
	assert_false(log_store_next(&store, &cursor, &line));
	add("alpha", "first", 10);
	add("", "second", 20);
	assert_true(log_store_next(&store, &cursor, &line));
	assert_int_equal(line.sequence, 1);
	assert_int_equal(line.time_ns, 10);
	assert_int_equal(line.cpu, 3);
	assert_int_equal(line.category, 6);
	assert_true(text_equal(line.vm, "alpha") && text_equal(line.text, "first"));
	assert_true(log_store_next(&store, &cursor, &line));
	assert_true(text_equal(line.vm, "") && text_equal(line.text, "second"));
	assert_false(log_store_next(&store, &cursor, &line));
	add("", "third", 30);
	assert_true(log_store_next(&store, &cursor, &line));
	assert_true(text_equal(line.text, "third"));
	assert_int_equal(log_store_catch_up(&store, &cursor), 0);
}

static void test_clean_and_cut(void **state)
{
	struct log_cursor cursor = {.index = 0};
	char text[LOG_TEXT_BYTES + 50];
	struct log_line line;

	(void)state;
	begin(0);
	add("a\x1bz", "\x1b[31m\xc3\xa4\n\x7f", 1);
	assert_true(log_store_next(&store, &cursor, &line));
	assert_true(text_equal(line.vm, "a?z") && text_equal(line.text, "?[31m????"));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	add(text, text, 1);
	assert_true(log_store_next(&store, &cursor, &line));
	assert_int_equal(line.vm.length, LOG_VM_BYTES);
	assert_int_equal(line.text.length, LOG_TEXT_BYTES);
}

/* Overwritten many times: a fast reader sees every line, a slow one learns how many it missed. */
static void test_overwrite(void **state)
{
	struct log_cursor fast = {.index = 0};
	struct log_cursor slow = {.index = 0};
	struct log_cursor late = {.index = 0};
	struct log_line line;
	char text[LOG_TEXT_BYTES + 1];
	u64 lost;
	u64 seen = 0;

	(void)state;
	begin(0);
	memset(text, 'x', sizeof(text));
	add("vm", "line 0", 0);
	assert_true(log_store_next(&store, &fast, &line));
	assert_true(log_store_next(&store, &slow, &line));
	for (u64 i = 1; i < 50000; i++) {
		size_t length = 10 + i * 7 % (LOG_TEXT_BYTES - 10);

		format(text, sizeof(text), "%-*llu", (int)length, (unsigned long long)i);
		add("vm", text, i);
		assert_int_equal(log_store_catch_up(&store, &fast), 0);
		assert_true(log_store_next(&store, &fast, &line));
		assert_int_equal(line.sequence, i + 1);
		assert_int_equal(line.time_ns, i);
		assert_int_equal(line.text.length, length);
		assert_memory_equal(line.text.start, text, length);
	}
	lost = log_store_catch_up(&store, &slow);
	while (log_store_next(&store, &slow, &line))
		seen++;
	assert_int_equal(seen + lost, 49999);
	assert_int_equal(lost + 1, store.overwritten_count);
	assert_true(seen > 200 && lost > 1000);
	assert_int_equal(log_store_catch_up(&store, &late), 0);
	assert_true(log_store_next(&store, &late, &line));
	assert_int_equal(log_store_line_count(&store), seen);
	assert_true(log_store_bytes(&store) <= SEGMENTS * SEGMENT_BYTES);
	assert_true(log_store_bytes(&store) > (SEGMENTS - 2) * SEGMENT_BYTES);
}

/* A segment is closed by size, by age or by hand; the oldest goes as a whole. */
static void test_rotate(void **state)
{
	struct log_cursor cursor = {.index = 0};
	struct log_line line;

	(void)state;
	begin(1000);
	assert_false(log_store_rotate(&store)); /* the segment is empty */
	add("", "one", 10);
	add("", "two", 1010);
	assert_int_equal(store.newest, 1);
	add("", "three", 1011); /* the first line of the last segment is too old */
	assert_int_equal(store.newest, 2);
	assert_int_equal(log_store_segment(&store, 1)->line_count, 2);
	assert_int_equal(log_store_segment(&store, 1)->first_ns, 10);
	assert_int_equal(log_store_segment(&store, 1)->last_ns, 1010);
	assert_true(log_store_rotate(&store));
	assert_false(log_store_rotate(&store));
	add("", "four", 1012);
	assert_true(log_store_rotate(&store));
	assert_int_equal(store.oldest, 1);
	add("", "five", 1013);
	for (u32 i = 1; i <= 5; i++) {
		assert_true(log_store_next(&store, &cursor, &line));
		assert_int_equal(line.sequence, i);
	}
	assert_false(log_store_next(&store, &cursor, &line));
	assert_true(log_store_rotate(&store)); /* there is no fifth segment: lines one and two go */
	assert_int_equal(store.oldest, 2);
	assert_int_equal(store.overwritten_count, 2);
	assert_int_equal(log_store_line_count(&store), 3);
	assert_int_equal(log_store_catch_up(&store, &cursor), 0);
	cursor = (struct log_cursor){.index = 2, .segment = 1};
	assert_int_equal(log_store_catch_up(&store, &cursor), 1);
	assert_true(log_store_next(&store, &cursor, &line));
	assert_true(text_equal(line.text, "three"));
}

static void test_clear(void **state)
{
	struct log_cursor cursor = {.index = 0};
	struct log_line line;

	(void)state;
	begin(0);
	add("", "old", 1);
	log_store_clear(&store);
	assert_false(log_store_next(&store, &cursor, &line));
	add("", "new", 2);
	assert_true(log_store_next(&store, &cursor, &line));
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
	assert_string_equal(formatted("exit %#u, %u", 2), "exit unknown, 244837814094590");
	/* missing arguments, unknown conversions, incomplete conversions */
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

/* The cost per line is a mean; an outlier, during which something else ran, hardly raises it. */
static void test_cost(void **state)
{
	struct log_cost cost = {0};

	(void)state;
	assert_int_equal(log_cost_each(&cost), 0);
	for (u32 i = 0; i < 100; i++)
		log_cost_add(&cost, 2000 + i % 2 * 1000);
	assert_int_equal(log_cost_each(&cost), 2500);
	log_cost_add(&cost, 10 * 2500); /* a long line */
	assert_int_equal(cost.tsc, 100 * 2500 + 10 * 2500);
	log_cost_add(&cost, 1000000);
	assert_int_equal(cost.count, 102);
	assert_in_range(log_cost_each(&cost), 2500, 2800);
}

/* The hashes are those of Python's hashlib, over what a reader sees: texts cut and cleaned. */
static void test_chain(void **state)
{
	static const char *const hashes[] = {
		"7972fa81accf81bc26984f1644eae41f96f96ef81d1adce5719be6c6bf14ffbd",
		"1b1c99090cd1d71f8bda9846b3a1e659e4060b159b3cfc15017e6191c8569d86",
		"7c441650d87afab09c22d5810f34e419fc6f22a0d12d79bdb106b6ac1a23fe05",
	};
	struct log_cursor cursor = {.index = 0};
	struct log_line line;
	char name[LOG_VM_BYTES + 10];
	char text[LOG_TEXT_BYTES + 10];
	char hash[2 * LOG_CHAIN_BYTES + 1];

	(void)state;
	begin(0);
	add("", "of none", 1);
	assert_true(log_store_next(&store, &cursor, &line));
	assert_null(line.chain);
	begin(0);
	log_store_chain(&store);
	memset(name, 'a', sizeof(name) - 1);
	memset(text, 't', sizeof(text) - 1);
	name[sizeof(name) - 1] = text[sizeof(text) - 1] = '\0';
	add("alpha", "first", 10);
	add("", "second \x1b[31m", 20);
	add(name, text, ~0ull);
	cursor = (struct log_cursor){.index = 0};
	for (u32 i = 0; i < ARRAY_COUNT(hashes); i++) {
		assert_true(log_store_next(&store, &cursor, &line));
		for (u32 j = 0; j < LOG_CHAIN_BYTES; j++)
			format(hash + 2 * j, 3, "%02x", line.chain[j]);
		assert_string_equal(hash, hashes[i]);
	}
	assert_false(log_store_next(&store, &cursor, &line));
	assert_int_equal(line.text.length, LOG_TEXT_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	  cmocka_unit_test(test_clean_and_cut),
		cmocka_unit_test(test_overwrite), cmocka_unit_test(test_rotate),
		cmocka_unit_test(test_clear),	  cmocka_unit_test(test_format),
		cmocka_unit_test(test_cost),	  cmocka_unit_test(test_format_cut),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
