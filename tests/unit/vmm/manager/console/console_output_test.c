/* SPDX-License-Identifier: MIT */
/*
 * The console's output: newlines, lines begun anew, the ring's end, and what is said about bytes
 * that were lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/console/console_output.c"
#include "vmm/rt/format.h"

static struct console_output output;
static u8 sent[2 * CONSOLE_OUTPUT_BYTES];
static size_t sent_count;

/* Takes up to `limit` bytes out, in pieces of at most `piece`. */
static void drain(size_t limit, u32 piece)
{
	const u8 *bytes;
	u32 count;

	while (limit > 0) {
		bytes = console_output_waiting(&output, &count);
		count = MIN(MIN(count, piece), (u32)limit);
		if (count == 0)
			return;
		assert_true(sent_count + count <= sizeof(sent));
		memcpy(sent + sent_count, bytes, count);
		sent_count += count;
		limit -= count;
		console_output_taken(&output, count);
	}
}

static void begin(void)
{
	console_output_init(&output);
	sent_count = 0;
}

static void expect_sent(const char *text)
{
	drain(SIZE_MAX, 7);
	assert_int_equal(sent_count, strlen(text));
	assert_memory_equal(sent, text, sent_count);
	sent_count = 0;
}

static void test_newlines(void **state)
{
	(void)state;
	begin();
	console_output_text(&output, TEXT("one\ntwo\n\nthree"));
	expect_sent("one\r\ntwo\r\n\r\nthree");
	console_output_raw(&output, "a\nb\r\0", 5);
	drain(SIZE_MAX, 100);
	assert_int_equal(sent_count, 5);
	assert_memory_equal(sent, "a\nb\r\0", 5);
}

static void test_fresh_line(void **state)
{
	(void)state;
	begin();
	console_output_fresh_line(&output);
	expect_sent("");
	console_output_text(&output, TEXT("x"));
	console_output_fresh_line(&output);
	console_output_fresh_line(&output);
	expect_sent("x\r\n");
	console_output_raw(&output, "y   \r", 5);
	console_output_fresh_line(&output);
	expect_sent("y   \r");
}

/* Many times round the ring, written and sent in odd pieces: every byte arrives, in order. */
static void test_wrap(void **state)
{
	u8 next_in = 0;
	u8 next_out = 0;

	(void)state;
	begin();
	output.written = output.sent = 0xffffff00u; /* the counters wrap on the way */
	for (u32 round = 0; round < 2000; round++) {
		u8 bytes[997];

		for (u32 i = 0; i < sizeof(bytes); i++)
			bytes[i] = next_in++;
		console_output_raw(&output, bytes, sizeof(bytes));
		sent_count = 0;
		drain(round % 3 == 0 ? 500 : SIZE_MAX, 333);
		for (size_t i = 0; i < sent_count; i++)
			assert_int_equal(sent[i], next_out++);
	}
	assert_int_equal(output.lost, 0);
}

/* A full buffer drops new output, never older; a line says how much once there is room. */
static void test_full(void **state)
{
	static u8 bytes[CONSOLE_OUTPUT_BYTES + 100];

	(void)state;
	begin();
	memset(bytes, 'x', sizeof(bytes));
	bytes[0] = 'F';
	console_output_raw(&output, bytes, sizeof(bytes));
	assert_int_equal(console_output_room(&output), 0);
	assert_int_equal(output.lost, 100);
	/* One byte of room is not enough for that line. */
	drain(1, 1);
	assert_int_equal(sent[0], 'F');
	console_output_raw(&output, "y", 1);
	assert_int_equal(output.lost, 101);
	drain(SIZE_MAX, 4096);
	assert_int_equal(sent_count, CONSOLE_OUTPUT_BYTES);
	sent_count = 0;
	console_output_raw(&output, "z", 1);
	expect_sent("\r\n[101 bytes of output lost]\r\nz");
	assert_int_equal(output.lost, 0);
}

/* The loss is reported once, as soon as there is room, even if no more output comes. */
static void test_tell_loss(void **state)
{
	static u8 bytes[CONSOLE_OUTPUT_BYTES + 7];

	(void)state;
	begin();
	assert_false(console_output_tell_loss(&output));
	console_output_raw(&output, bytes, sizeof(bytes));
	assert_false(console_output_tell_loss(&output));
	drain(SIZE_MAX, 4096);
	sent_count = 0;
	assert_true(console_output_tell_loss(&output));
	assert_false(console_output_tell_loss(&output));
	expect_sent("\r\n[7 bytes of output lost]\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newlines),  cmocka_unit_test(test_fresh_line),
		cmocka_unit_test(test_wrap),	  cmocka_unit_test(test_full),
		cmocka_unit_test(test_tell_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
