/* SPDX-License-Identifier: MIT */
/*
 * The console's line editor: keys, history, search and wide lines; garbage and lines that are too
 * long do no harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/console/line_editor.c"
#include "vmm/manager/console/line_history.c"
#include "vmm/manager/console/line_keys.c"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"

static struct line_editor editor;

/* A terminal of LINE_COLUMNS columns that understands CR, LF and BS. */
static struct {
	char row[LINE_COLUMNS + 1];
	u32 column;
	u32 line;
	u64 bytes;
} screen;

static void screen_put(void *context, const char *bytes, size_t count)
{
	(void)context;
	screen.bytes += count;
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\r') {
			screen.column = 0;
		} else if (bytes[i] == '\n') {
			screen.line++;
			memset(screen.row, ' ', LINE_COLUMNS);
		} else if (bytes[i] == '\b') {
			assert_true(screen.column > 0);
			screen.column--;
		} else {
			assert_true(char_is_printable(bytes[i]));
			if (screen.column == LINE_COLUMNS) {
				screen.column = 0;
				screen.line++;
				memset(screen.row, ' ', LINE_COLUMNS);
			}
			screen.row[screen.column++] = bytes[i];
		}
	}
}

static void begin(void)
{
	memset(&screen, 0, sizeof(screen));
	memset(screen.row, ' ', LINE_COLUMNS);
	line_editor_init(&editor, "> ", screen_put, NULL);
	line_editor_begin(&editor);
}

static enum line_event type(const char *bytes)
{
	enum line_event event = LINE_NONE;

	for (; *bytes != '\0'; bytes++)
		event = line_editor_feed(&editor, *bytes);
	return event;
}

/* Checks the row's text, without trailing spaces, and the cursor's column. */
static void expect_row(const char *row, u32 column)
{
	char text[LINE_COLUMNS + 1];
	u32 length = LINE_COLUMNS;

	memcpy(text, screen.row, LINE_COLUMNS);
	while (length > 0 && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
	assert_string_equal(text, row);
	assert_int_equal(screen.column, column);
}

static void test_plain(void **state)
{
	(void)state;
	begin();
	assert_int_equal(type("vm list"), LINE_NONE);
	expect_row("> vm list", 9);
	assert_int_equal(screen.bytes, 9); /* the prompt and the echo, and no more */
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(editor.text, "vm list");
	expect_row("", 0);
	line_editor_begin(&editor);
	/* CR LF ends one line, not two; a lone LF ends a line too. */
	assert_int_equal(type("\n"), LINE_NONE);
	assert_int_equal(type("mem\n"), LINE_DONE);
	assert_string_equal(editor.text, "mem");
}

static void test_editing(void **state)
{
	(void)state;
	begin();
	type("hello wrld");
	type("\x1b[D\x1b[D\x1b[Do");
	expect_row("> hello world", 10);
	type("\x01X");
	expect_row("> Xhello world", 3);
	type("\x05!");
	expect_row("> Xhello world!", 15);
	type("\x1b[H\x1b[3~\x1b[F\x7f");
	expect_row("> hello world", 13);
	type("\x17");
	expect_row("> hello", 8);
	type("\x19\x01\x0b");
	expect_row(">", 2);
	type("\x19 again");
	expect_row("> hello world again", 19);
	type("\x1b[1;5D\x1b"
	     "b\x15");
	expect_row("> world again", 2);
	type("\x1b[1;5C\x7f\x7f");
	expect_row("> wor again", 5);
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(editor.text, "wor again");
}

static void test_history(void **state)
{
	char line[8] = "line 0";

	(void)state;
	begin();
	for (u32 i = 0; i < LINE_HISTORY + 5; i++) {
		line[5] = (char)('0' + i % 10);
		type(line);
		type("\r");
		line_editor_begin(&editor);
	}
	type("new");
	type("\x1b[A");
	assert_string_equal(editor.text, "line 6");
	type("\x1b[A\x1b[A");
	assert_string_equal(editor.text, "line 4");
	for (u32 i = 0; i < 100; i++)
		type("\x10");
	assert_string_equal(editor.text, "line 5"); /* 32 lines back */
	for (u32 i = 0; i < 100; i++)
		type("\x0e");
	assert_string_equal(editor.text, "new");
	expect_row("> new", 5);
	type("\r");
	line_editor_begin(&editor);
	/* A line repeated is kept once, an empty one not at all. */
	type("new\r");
	line_editor_begin(&editor);
	type("\r");
	line_editor_begin(&editor);
	type("\x1b[A\x1b[A");
	assert_string_equal(editor.text, "line 6");
}

static void test_too_long(void **state)
{
	u64 bytes;

	(void)state;
	begin();
	for (u32 i = 0; i < LINE_MAX; i++)
		assert_int_equal(line_editor_feed(&editor, 'x'), LINE_NONE);
	assert_int_equal(type("\r"), LINE_DONE);
	assert_int_equal(strlen(editor.text), LINE_MAX);
	line_editor_begin(&editor);
	bytes = screen.bytes;
	for (u32 i = 0; i < 100000; i++)
		assert_int_equal(line_editor_feed(&editor, 'x'), LINE_NONE);
	assert_int_equal(screen.bytes - bytes, LINE_MAX);
	assert_int_equal(type("\r"), LINE_TOO_LONG);
	line_editor_begin(&editor);
	assert_int_equal(type("ok\r"), LINE_DONE);
	assert_string_equal(editor.text, "ok");
	/* Ctrl-C also abandons a line that is too long. */
	line_editor_begin(&editor);
	for (u32 i = 0; i < 2000; i++)
		line_editor_feed(&editor, 'x');
	assert_int_equal(type("\x03"), LINE_BREAK);
	line_editor_begin(&editor);
	assert_int_equal(type("ok\r"), LINE_DONE);
}

static void test_wide_line(void **state)
{
	(void)state;
	begin();
	for (u32 i = 0; i < 200; i++)
		line_editor_feed(&editor, (char)('0' + i % 10));
	assert_int_equal(screen.bytes, 202); /* plain echo, wrapped by the terminal */
	type("\x01");
	assert_int_equal(screen.column, 2);
	expect_row("> 0123456789012345678901234567890123456789"
		   "0123456789012345678901234567890123456",
		   2);
	type("\x04\x04");
	expect_row("> 2345678901234567890123456789012345678901"
		   "2345678901234567890123456789012345678",
		   2);
	type("\x05");
	assert_int_equal(screen.row[screen.column - 1], '9');
	type("Z\x7f\x7f");
	assert_int_equal(screen.row[screen.column - 1], '8');
	assert_true(screen.column < LINE_COLUMNS);
	assert_int_equal(editor.length, 197);
}

/* Pressed once too often in a guest's console, it does nothing at the prompt. */
static void test_stray_detach(void **state)
{
	(void)state;
	begin();
	assert_int_equal(type("\x1dvm list\r"), LINE_DONE);
	assert_string_equal(editor.text, "vm list");
}

/* Ctrl-C inside an escape sequence ends that too. */
static void test_break(void **state)
{
	static const char *const begun[] = {"\x1b", "x\x1b\x1b[", "\x1b[1;5", "\x1bO"};

	(void)state;
	begin();
	for (u32 i = 0; i < ARRAY_COUNT(begun); i++) {
		type(begun[i]);
		assert_int_equal(type("\x03"), LINE_BREAK);
		line_editor_begin(&editor);
		assert_int_equal(type("vm list\r"), LINE_DONE);
		assert_string_equal(editor.text, "vm list");
		line_editor_begin(&editor);
	}
}

static void test_hide_and_show(void **state)
{
	(void)state;
	begin();
	type("vm lis\x1b[D");
	line_editor_hide(&editor);
	expect_row("", 0);
	line_editor_hide(&editor);
	screen_put(NULL, "notice\r\n", 8);
	line_editor_show(&editor);
	expect_row("> vm lis", 7);
	line_editor_show(&editor);
	expect_row("> vm lis", 7);
	type("\x05t\r");
	assert_string_equal(editor.text, "vm list");
}

static void test_insert(void **state)
{
	(void)state;
	begin();
	type("vm st alpha\x01\x1b"
	     "f\x1b"
	     "f");
	line_editor_insert(&editor, "art", 3);
	expect_row("> vm start alpha", 10);
	assert_int_equal(type("\t"), LINE_COMPLETE);
}

static void add_line(const char *line)
{
	type(line);
	type("\r");
	line_editor_begin(&editor);
}

static void test_search(void **state)
{
	(void)state;
	begin();
	add_line("vm start alpha");
	add_line("log show");
	add_line("vm start beta");
	type("half");
	type("\x12");
	expect_row("(search '') half", 16);
	type("start");
	expect_row("(search 'start') vm start beta", 30);
	type("\x12");
	expect_row("(search 'start') vm start alpha", 31);
	type("\x12");
	expect_row("(failed search 'start') vm start alpha", 38);
	type("\x7f\x7f\x7f\x7f\x7flog");
	expect_row("(search 'log') log show", 23);
	type("\x07"); /* back to the line being typed */
	expect_row("> half", 6);
	type("\x12"
	     "alp\x01");
	expect_row("> vm start alpha", 2);
	type("\x12"
	     "beta\r");
	assert_string_equal(editor.text, "vm start beta");
	line_editor_begin(&editor);
	type("\x12"
	     "zzz");
	expect_row("(failed search 'zzz')", 22);
	for (u32 i = 0; i < 100; i++)
		type("z");
	assert_true(screen.column < LINE_COLUMNS);
	assert_int_equal(type("\x03"), LINE_NONE); /* Ctrl-C leaves the search, not the line */
	expect_row(">", 2);
	assert_int_equal(type("\x03"), LINE_BREAK);
}

/* Word jumps and kills as the common terminals send them. */
static void test_words(void **state)
{
	/* clang-format off */
	static const char *const left[] = {"\x1b[1;5D", "\x1b[1;3D", "\x1b\x1b[D", "\x1bOd",
					   "\x1b[5D", "\x1b" "b"};
	static const char *const right[] = {"\x1b[1;5C", "\x1b[1;3C", "\x1b\x1b[C", "\x1bOc",
					    "\x1b[5C", "\x1b" "f"};
	/* clang-format on */

	(void)state;
	begin();
	type("one two three");
	for (u32 i = 0; i < ARRAY_COUNT(left); i++) {
		type(left[i]);
		assert_int_equal(editor.cursor, 8);
		type(left[i]);
		assert_int_equal(editor.cursor, 4);
		type(right[i]);
		assert_int_equal(editor.cursor, 7);
		type("\x05");
	}
	type("\x1b\x7f");
	assert_string_equal(editor.text, "one two ");
	type("\x01\x1b"
	     "d");
	assert_string_equal(editor.text, " two ");
	type("\x19");
	assert_string_equal(editor.text, "one two ");
	type("\x01\x1b[3;5~");
	assert_string_equal(editor.text, " two ");
	type("\x1b[15~\x1b[5~\x1bOP\x1b[200~"); /* F5, PageUp, F1, start of a bracketed paste */
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(editor.text, " two ");
}

static void test_bad(void **state)
{
	(void)state;
	begin();
	assert_int_equal(type("vm \xc3\xa4\r"), LINE_BAD);
	assert_int_equal(editor.bad_byte, 0xc3);
	assert_int_equal(editor.bad_column, 4);
	line_editor_begin(&editor);
	assert_int_equal(line_editor_feed(&editor, '\0'), LINE_NONE);
	assert_int_equal(type("vm\r"), LINE_BAD);
	assert_int_equal(editor.bad_byte, 0);
	assert_int_equal(editor.bad_column, 1);
	line_editor_begin(&editor);
	assert_int_equal(type("a\x1b[31mred\r"), LINE_BAD); /* a colour sequence, not a key */
	assert_int_equal(editor.bad_byte, 0x1b);
	assert_int_equal(editor.bad_column, 2);
	line_editor_begin(&editor);
	assert_int_equal(type("vm\r"), LINE_DONE);
	/* A refused line is not in the history. */
	line_editor_begin(&editor);
	type("\x1b[A\x1b[A");
	assert_string_equal(editor.text, "vm");
}

static void test_columns(void **state)
{
	(void)state;
	begin();
	line_editor_columns(&editor, 44);
	for (u32 i = 0; i < 60; i++)
		line_editor_feed(&editor, 'x');
	type("\x01");
	assert_int_equal(screen.row[42], 'x');
	assert_int_equal(screen.row[43], ' ');
}

/* The answer of a terminal that was asked for its size; unasked it is F3 with a key held. */
static void test_size(void **state)
{
	(void)state;
	begin();
	assert_int_equal(type("vm\x1b[50;132R"), LINE_NONE);
	editor.size_asked = true; /* this screen does not know the question */
	assert_int_equal(type("\x1b[1;5R"), LINE_NONE);
	assert_int_equal(type("\x1b[50;132"), LINE_NONE);
	assert_int_equal(line_editor_feed(&editor, 'R'), LINE_SIZE);
	assert_int_equal(editor.told_rows, 50);
	assert_int_equal(editor.told_columns, 132);
	assert_int_equal(type("\x1b[24;80R"), LINE_NONE);
	assert_string_equal(editor.text, "vm");
	editor.size_asked = true;
	assert_int_equal(type("\x1b[1000;1000R"), LINE_NONE);
	assert_int_equal(type("\x1b[24R"), LINE_NONE);
	assert_int_equal(type("\x1b[24;80;1R"), LINE_NONE);
	assert_int_equal(type("\x1bOR"), LINE_NONE);
	assert_true(editor.size_asked);
}

/* Any bytes at all: the editor's state stays valid, the screen gets only what it can show. */
static void test_garbage(void **state)
{
	u32 random = 7;

	(void)state;
	begin();
	for (u32 i = 0; i < 500000; i++) {
		enum line_event event;

		random = random * 1664525 + 1013904223;
		event = line_editor_feed(&editor, (char)(random >> 24));
		assert_true(editor.cursor <= editor.length && editor.length <= LINE_MAX);
		assert_int_equal(editor.text[editor.length], '\0');
		if (event != LINE_NONE && event != LINE_COMPLETE)
			line_editor_begin(&editor);
	}
	/* An endless escape sequence does not swallow the line. */
	line_editor_begin(&editor);
	type("\x1b[1234567890123456789;;;");
	assert_int_equal(type("\r"), LINE_DONE);
	line_editor_begin(&editor);
	type("\xc3\xa4x");
	expect_row("> ??x", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stray_detach),  cmocka_unit_test(test_plain),
		cmocka_unit_test(test_editing),	      cmocka_unit_test(test_history),
		cmocka_unit_test(test_too_long),      cmocka_unit_test(test_wide_line),
		cmocka_unit_test(test_hide_and_show), cmocka_unit_test(test_insert),
		cmocka_unit_test(test_search),	      cmocka_unit_test(test_words),
		cmocka_unit_test(test_bad),	      cmocka_unit_test(test_columns),
		cmocka_unit_test(test_garbage),	      cmocka_unit_test(test_break),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
