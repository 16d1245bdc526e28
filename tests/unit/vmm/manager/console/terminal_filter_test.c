/* SPDX-License-Identifier: MIT */
/* What of a guest's output reaches the operator's terminal, and how that is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/console/terminal_filter.c"
#include "vmm/manager/console/terminal_sequence.c"
#include "vmm/manager/text/text.h"

#define ESC   "\x1b"
#define CSI   ESC "["
#define AGAIN ESC "[0m" ESC "(B\x0f" CSI "4l" CSI "?1l" ESC ">" CSI "?5l" CSI "?7h" CSI "?25h"

static struct terminal_filter filter;
static char shown[4096];
static size_t shown_length;

static void take(void *context, const char *bytes, size_t count)
{
	assert_ptr_equal(context, shown);
	assert_true(shown_length + count < sizeof(shown));
	memcpy(shown + shown_length, bytes, count);
	shown_length += count;
}

static void begin(void)
{
	terminal_filter_init(&filter, take, shown);
	shown_length = 0;
}

static void print(const char *text, size_t length)
{
	terminal_filter_take(&filter, (const u8 *)text, length);
}

static void say(const char *text)
{
	print(text, strlen(text));
}

static void expect(const char *input, const char *wanted)
{
	shown[shown_length] = '\0';
	if (strcmp(shown, wanted) != 0) {
		for (const char *c = input; *c != '\0'; c++)
			fprintf(stderr, *c >= ' ' && *c <= '~' ? "%c" : "\\x%02x", (u8)*c);
		fprintf(stderr, "\n");
	}
	assert_string_equal(shown, wanted);
	shown_length = 0;
}

/* Whole, and cut at each place. */
static void check(const char *input, const char *wanted)
{
	size_t length = strlen(input);

	for (size_t cut = 0; cut <= length; cut++) {
		begin();
		print(input, cut);
		print(input + cut, length - cut);
		expect(input, wanted);
	}
}

static void passes(const char *input)
{
	check(input, input);
}

/* Checks that the input is dropped, and that the text behind it is shown all the same. */
static void is_dropped(const char *input)
{
	char text[512];

	snprintf(text, sizeof(text), "a%sb", input);
	check(text, "ab");
}

static void test_text(void **state)
{
	(void)state;
	passes("plain ~\r\n\ttext\b!\a");
	passes("\xc3\xa9 \xc2\xa0 \xe2\x94\x80 \xef\xbf\xbd \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf");
	check("one\x0btwo\x0cthree", "one\ntwo\nthree");
	for (char c = 1; c < ' '; c++) {
		char input[] = {c, '\0'};

		if (strchr("\a\b\t\n\v\f\r\x1b", c) == NULL)
			is_dropped(input);
	}
	is_dropped("\x7f");
	begin();
	print("a\0b", 3);
	expect("NUL", "ab");
}

/* Each byte that belongs to no character is one mark; C1 is no mark, in eight bits or as UTF-8. */
static void test_bytes(void **state)
{
	(void)state;
	/* clang-format off */
	check("\x9b" "31m", "?31m");
	check("\xc2\x9b" "31m", "?31m");
	check("\x9d" "0;x\x9c", "?0;x?");
	check("\xc2\x90q\xc2\x9c", "?q?");
	check("\xc0\x9b" "c", "??c");
	check("\xe0\x80\x9b" "c", "???c");
	/* clang-format on */
	check("\xed\xa0\x80", "???");
	check("\xf4\x90\x80\x80", "????");
	check("\xf5\xff\xfe", "???");
	check("\xe2\x94"
	      "a",
	      "?a");
	check("\xe2\x94\x1b[1m", "?\x1b[1m");
	check("\xe2\x94\r\xc3\xc3\xa9", "?\r?\xc3\xa9");
	check(CSI "3\xc3\xa9m", "\xc3\xa9m");
	check(ESC "\x9b"
		  "1m",
	      "?1m");
	check("\xf0\x9f\x98", "");
}

/* The sequences with which vim, less, top and dialog draw pass. */
static void test_drawing(void **state)
{
	static const char *const finals = "@ABCDEFGHIJKLMPSTXZ`abdef";
	char text[16];

	(void)state;
	for (const char *final = finals; *final != '\0'; final++) {
		snprintf(text, sizeof(text), CSI "%c", *final);
		passes(text);
		snprintf(text, sizeof(text), CSI "2%c", *final);
		passes(text);
	}
	passes(CSI "12;40H" CSI ";5f" CSI "2J" CSI "1K" CSI "?2J" CSI "?K");
	passes(CSI "1;24r" CSI "r" CSI "s" CSI "u" ESC "7" ESC "8" ESC "M" ESC "D" ESC "E");
	passes(ESC "=" ESC ">" CSI "4h" CSI "4l" CSI "!p");
	passes(CSI "?1h" CSI "?7l" CSI "?25l" CSI "?5h" CSI "?6l" CSI "?1049h" CSI "?1049l");
	passes(CSI "?47h" CSI "?1047l" CSI "?1048h");
}

static void test_colours(void **state)
{
	(void)state;
	passes(CSI "m" CSI "0;1;31m" CSI "38;5;11m" CSI "48;2;10;11;12;4m" CSI ";7m");
	passes(CSI "38:2::1:2:3m" CSI "4:3m" CSI "58;5;19;1m" CSI "97;107m");
	/* fonts are character sets */
	check(CSI "0;10m" CSI "11m" CSI "1;12;4m", CSI "0m" CSI "1;4m");
	check(CSI "38;5m" CSI "38m" CSI "38:5:10;10m", CSI "38;5m" CSI "38m" CSI "38:5:10m");
	is_dropped(CSI ">4;2m");
	is_dropped(CSI "?4m");
	is_dropped(CSI "10:1m");
}

static void test_strings(void **state)
{
	(void)state;
	is_dropped(ESC "]0;title\a");
	is_dropped(ESC "]52;c;bHM=" ESC "\\");
	is_dropped(ESC "P$qm" ESC "\\");
	is_dropped(ESC "P0;1|17/ab\n\acd" ESC "\\");
	is_dropped(ESC "^privacy" ESC "\\");
	is_dropped(ESC "_Gi=31;AAAA" ESC "\\");
	is_dropped(ESC "Xstart \xc3\xa9" ESC "\\");
	is_dropped(ESC "]0;given up\x18");
	is_dropped(ESC "Pgiven up\x1a");
	check(ESC "]0;no end\nnext", "\nnext");
	check(ESC "]0;cut" CSI "1mx", CSI "1mx");
	check(ESC "Pq" ESC "]2;x\ay", "y");
	/* Linux's, which have no end */
	check(ESC "]R0" ESC "]P4ff80ffx", "0x");
}

static void test_queries(void **state)
{
	/* clang-format off */
	static const char *const all[] = {
		"\x05",	       ESC "Z",	     CSI "c",	    CSI "0c",	 CSI ">c",    CSI "=c",
		CSI "5n",      CSI "6n",     CSI "?6n",	    CSI "?15n",	 CSI "x",     CSI "1;1*y",
		CSI "21t",     CSI "14t",    CSI "?1$p",    CSI "4$p",	 CSI "?u",    CSI ">q",
		CSI "?1;1;0S", CSI "1;2;3;4;5T", CSI "'|",  CSI "1'z",   CSI "5i",    CSI "?4i",
		CSI "3J",      CSI "g",	     CSI "3g",	    ESC "H",	 CSI "q",     CSI "2 q",
		CSI "62\"p",   ESC " F",     ESC " G",	    ESC "#8",	 ESC "#6",    ESC "l",
		ESC "n",       ESC "o",	     ESC "~",	    ESC "|",	 ESC "}",     ESC "N",
		ESC "O",       ESC "%@",     ESC "%G",	    ESC "*0",	 ESC "-A",    ESC "/A",
		CSI "1;2;3H",  CSI "1;2;3r", CSI "1;2s",    CSI "?1s",	 CSI "?1r",   CSI "2h",
		CSI "12l",     CSI "20h",    CSI "?3h",	    CSI "?9h",	 CSI "?69h",  CSI "?1000h",
		CSI "?1004h",  CSI "?1006h", CSI "?2004h",  CSI "?2026h", CSI "?1034h", CSI "?66h",
		CSI "h",       CSI "?h",     CSI "=1u",	    CSI ">1u",	 CSI "<1u",   CSI "12345H",
		CSI "1:2H",    CSI "? 1h",   CSI "1?2m",    CSI "1!p",	 CSI "$!p",   CSI "1$2m",
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", all[i]);
		is_dropped(text);
	}
	check(CSI "?2004;1;1000h", CSI "?1h");
	check(CSI "20;4h", CSI "4h");
	/* clang-format off */
	check("a" CSI "1\n;3\rH" "b", "a\n\r" CSI "1;3H" "b");
	/* clang-format on */
	check("a" CSI "1\x18;3Hb", "a;3Hb");
	check("a" CSI "1" ESC CSI "2Jb", "a" CSI "2Jb");
}

/* Sequences that are too long are dropped to their end, and only to that. */
static void test_long(void **state)
{
	char text[3 * TERMINAL_PARAMETER_BYTES] = CSI;

	(void)state;
	memset(text + 2, ';', TERMINAL_PARAMETER_BYTES + 1);
	strcat(text, "mnext");
	check(text, "next");
	memset(text + 2, 0, sizeof(text) - 2);
	for (u32 i = 0; i < PARAMETERS_MAX; i++)
		strcat(text, "1;");
	strcat(text, "mx");
	check(text, "x");
	text[2 + 2 * PARAMETERS_MAX - 1] = 'm'; /* as many parameters as there may be */
	text[2 + 2 * PARAMETERS_MAX] = '\0';
	passes(text);
}

/* Line graphics come out as UTF-8, whichever way the set is chosen; the terminal's sets stay. */
static void test_graphics(void **state)
{
	(void)state;
	check(ESC "(0lqk" ESC "(Blqk", "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90"
				       "lqk");
	check(ESC ")0l\x0elx\x0flx", "l\xe2\x94\x8c\xe2\x94\x82lx");
	check(ESC "(0" ESC "7" ESC "(Bx" ESC "8x", ESC "7x" ESC "8\xe2\x94\x82");
	check(ESC "(0A_~" CSI "!pq", "A \xc2\xb7" CSI "!pq");
	check(ESC "(0q" ESC "(Aq" ESC "(0\xc3\xa9", "\xe2\x94\x80q\xc3\xa9");
	check("\x0eq\x0f", "q");
	/* repeated here, since not every terminal repeats more than a byte */
	check(ESC "(0q" ESC "(B" CSI "2bx" CSI "2b",
	      "\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80x" CSI "2b");
	check(ESC "(0q\xc3\xa9" CSI "b", "\xe2\x94\x80\xc3\xa9" CSI "b");
	check(ESC "(0" ESC "cq", AGAIN CSI "H" CSI "2Jq");
	check(ESC "(%5q", "q");
}

static void test_leave(void **state)
{
	(void)state;
	begin();
	say("only text\xc3\xa9 (0 ");
	shown_length = 0;
	terminal_filter_leave(&filter);
	expect("leave", "");
	say(CSI "31m");
	shown_length = 0;
	terminal_filter_leave(&filter);
	expect("leave", AGAIN);
	terminal_filter_leave(&filter);
	expect("leave again", "");
	say(CSI "?1049h" CSI "2;5r");
	shown_length = 0;
	terminal_filter_leave(&filter);
	expect("leave", CSI "?6l" CSI "r" CSI "999;1H" CSI "?1049l" AGAIN);
	say(CSI "?1049h" CSI "?1049l" CSI "?47h");
	shown_length = 0;
	terminal_filter_leave(&filter);
	expect("leave", CSI "?47l" AGAIN);
	/* the guest itself resets the terminal */
	say(CSI "?1049h" ESC "cx");
	expect("reset", CSI "?1049h" CSI "?1049l" AGAIN CSI "H" CSI "2Jx");
}

static void take_nothing(void *context, const char *bytes, size_t count)
{
	(void)context, (void)bytes, (void)count;
}

static void test_leave_raw(void **state)
{
	(void)state;
	terminal_filter_init(&filter, take_nothing, shown);
	shown_length = 0;
	say(CSI "?1049h" CSI "?1000h");
	terminal_filter_leave_raw(&filter, take);
	shown[shown_length] = '\0';
	assert_non_null(strstr(shown, "\x18" ESC "\\"));
	assert_non_null(strstr(shown, CSI "?1049l"));
	assert_non_null(strstr(shown, CSI "?1000l"));
	assert_non_null(strstr(shown, CSI "?2004l"));
	assert_string_equal(shown + shown_length - strlen(AGAIN), AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_drawing), cmocka_unit_test(test_colours),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_queries),
		cmocka_unit_test(test_long),	cmocka_unit_test(test_graphics),
		cmocka_unit_test(test_leave),	cmocka_unit_test(test_leave_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
