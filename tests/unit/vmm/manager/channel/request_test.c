/* SPDX-License-Identifier: MIT */
/* Requests of the machine channel: which lines are valid, and what is reported for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/channel/request.c"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/text/json_read.c"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"

static struct request request;

/* Parses a copy of exactly that size, so that ASan catches reads past its end. */
static bool parse(const char *bytes, size_t length)
{
	static char *line;
	bool ok;

	free(line);
	line = malloc(length + 1);
	memcpy(line, bytes, length);
	line = realloc(line, MAX(length, 1ul));
	ok = request_parse((struct text){line, length}, &request);
	assert_int_equal(ok, request.problem[0] == '\0');
	if (!ok) {
		assert_true(request.position <= length);
		assert_true(strstr(request.problem, "; ") != NULL ||
			    strstr(request.problem, "there should be ") != NULL);
	}
	return ok;
}

static void check_good(const char *line, const char *id, const char *command)
{
	if (!parse(line, strlen(line)))
		fail_msg("%s: %s", line, request.problem);
	assert_int_equal(request.id.length, strlen(id));
	assert_memory_equal(request.id.start, id, strlen(id));
	assert_string_equal(request.command, command);
}

static void check_bad(const char *line, const char *id, u32 position, const char *said)
{
	if (parse(line, strlen(line)))
		fail_msg("%s was taken", line);
	if (strstr(request.problem, said) == NULL || request.position != position)
		fail_msg("%s: at %u: %s", line, request.position, request.problem);
	assert_int_equal(request.id.length, strlen(id));
	assert_memory_equal(request.id.start, id, strlen(id));
}

static void test_ids(void **state)
{
	static const char *const ids[] = {
		"1",
		"0",
		"-0",
		"-17",
		"1.50",
		"1e9",
		"2E-3",
		"123456789012345678901234567890",
		"\"\"",
		"\"a b\"",
		"\"\\u00e9\\n\\\"\"",
		"\"\xc3\xa9\"",
		"\"\\ud83d\\ude00\"",
		"true",
		"false",
		"null",
	};
	char line[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(ids); i++) {
		snprintf(line, sizeof(line), "{\"id\":%s,\"command\":\"vm list\"}", ids[i]);
		check_good(line, ids[i], "vm list");
		snprintf(line, sizeof(line), " {\t\"command\" : \"vm list\" , \"id\" : %s } \r",
			 ids[i]);
		check_good(line, ids[i], "vm list");
	}
}

static void test_strings(void **state)
{
	(void)state;
	check_good("{\"id\":1,\"command\":\"\"}", "1", "");
	check_good("{\"id\":1,\"command\":\"a \\\"b\\\" \\\\ \\/ \\u0041\\t\"}", "1",
		   "a \"b\" \\ / A\t");
	check_good("{\"id\":1,\"command\":\"\\u00fc\\u20AC\\ud83d\\ude00\"}", "1",
		   "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
	check_good("{\"\\u0069d\":1,\"command\":\"x\"}", "1", "x");
}

static void test_malformed(void **state)
{
	(void)state;
	check_bad("", "null", 0, "there should be {");
	check_bad("vm list", "null", 0, "there should be {");
	check_bad("[1]", "null", 0, "here, not [");
	check_bad("{", "null", 1, "a string in double quotes");
	check_bad("{\"id\":1", "1", 7,
		  "there should be a comma or } here, not the end of the line");
	check_bad("{\"id\":1,}", "1", 8, "there should be a string in double quotes here, not }");
	check_bad("{\"id\" 1}", "null", 6, "there should be a colon here, not 1");
	check_bad("{\"id\":}", "null", 6, "there should be a string, a number");
	check_bad("{\"id\":1,\"command\":\"vm list\"} x", "1", 29,
		  "there should be the end of the line here, not x");
	check_bad("{\"id\":1,\"command\":\"vm list\"", "1", 27, "a comma or }");
	check_bad("{\"id\":1,\"command\":\"vm", "1", 21, "the closing double quote");
	check_bad("{\"id\":1,\"command\":\"a\nb\"}", "1", 20, "not the byte 0x0a");
	check_bad("{'id':1}", "null", 1,
		  "there should be a string in double quotes here, not 'id'");
	check_bad("\xef\xbb\xbf{}", "null", 0, "not the byte 0xef");
}

static void test_numbers(void **state)
{
	static const char *const numbers[] = {"NaN", "Infinity", "-Infinity", "01",   "1.",
					      ".5",  "+1",	 "1e",	      "0x10", "1_0",
					      "-",   "--1",	 "1e+",	      "nul",  "True"};
	char line[256];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(numbers); i++) {
		snprintf(line, sizeof(line), "{\"id\":%s,\"command\":\"vm list\"}", numbers[i]);
		check_bad(line, "null", 6, numbers[i]);
	}
}

static void test_members(void **state)
{
	(void)state;
	check_bad("{}", "null", 2, "the id is missing");
	check_bad("{\"id\":1}", "1", 8, "the command is missing");
	check_bad("{\"command\":\"vm list\"}", "null", 21, "the id is missing");
	check_bad("{\"id\":1,\"id\":2,\"command\":\"vm list\"}", "1", 8,
		  "the key \"id\" stands here twice");
	check_bad("{\"id\":1,\"command\":\"a\",\"command\":\"b\"}", "1", 22,
		  "the key \"command\" stands here twice");
	check_bad("{\"colour\":3,\"id\":1,\"command\":\"vm list\"}", "1", 1,
		  "there is no key \"colour\"");
	check_bad("{\"id\":1,\"id\\u0000\":1,\"command\":\"b\"}", "1", 8,
		  "there is no key \"id\\u0000\"");
	check_bad("{\"id\":1,\"command\":7}", "1", 18, "this is no string");
	check_bad("{\"id\":{\"a\":1},\"command\":\"x\"}", "null", 6,
		  "there should be a string, a number");
	check_bad("{\"id\":[1],\"command\":\"x\"}", "null", 6,
		  "there should be a string, a number");
}

static void test_passwords(void **state)
{
	(void)state;
	check_good("{\"id\":1,\"auth\":\"open \\\"sesame\\\"\"}", "1", "");
	assert_int_equal(request.kind, REQUEST_AUTH);
	assert_int_equal(request.password_length, 13);
	assert_memory_equal(request.password, "open \"sesame\"", 13);
	check_good("{\"id\":1,\"command\":\"x\"}", "1", "x");
	assert_int_equal(request.kind, REQUEST_COMMAND);
	check_bad("{\"id\":1,\"auth\":null}", "1", 15, "auth: this is no string");
	check_bad("{\"id\":1,\"auth\":\"a\",\"command\":\"b\"}", "1", 33, "do not go together");
	check_bad("{\"id\":1,\"command\":\"b\",\"auth\":\"a\"}", "1", 33, "do not go together");
	check_bad("{\"auth\":\"a\"}", "null", 12, "the id is missing");
	/* A password that is too long is recognised as such. */
	check_good("{\"id\":1,\"auth\":\"0123456789012345678901234567890123456789"
		   "0123456789012345678901234\"}",
		   "1", "");
	assert_int_equal(request.password_length, PASSWORD_LENGTH_MAX + 1);
}

static void test_arguments(void **state)
{
	char line[4096];
	u32 length;

	(void)state;
	check_good(
		"{\"id\":1,\"command\":\"vm set\",\"arguments\":[\"alpha\",\"cmdline=a \\\"b\\\"\","
		"\"\",\"-j\"],\"actor\":\"alice via token 7\",\"order\":\"any\"}",
		"1", "vm set");
	assert_int_equal(request.kind, REQUEST_COMMAND);
	assert_int_equal(request.argument_count, 4);
	assert_string_equal(request.argument[0], "alpha");
	assert_string_equal(request.argument[1], "cmdline=a \"b\"");
	assert_string_equal(request.argument[2], "");
	assert_string_equal(request.argument[3], "-j");
	assert_string_equal(request.actor, "alice via token 7");
	assert_true(request.any_order);
	check_good("{\"id\":1,\"command\":\"x\",\"arguments\":[]}", "1", "x");
	assert_int_equal(request.argument_count, 0);
	assert_false(request.any_order);
	assert_string_equal(request.actor, "");
	check_bad("{\"id\":1,\"command\":\"x\",\"arguments\":\"a\"}", "1", 34,
		  "there should be an array");
	check_bad("{\"id\":1,\"command\":\"x\",\"arguments\":[1]}", "1", 35,
		  "there should be a string");
	check_bad("{\"id\":1,\"command\":\"x\",\"arguments\":[\"a\"", "1", 38, "a comma or ]");
	check_bad("{\"id\":1,\"command\":\"x\",\"arguments\":[\"a\\u0000\"]}", "1", 35, "control");
	check_bad("{\"id\":1,\"arguments\":[]}", "1", 23, "the command is missing");
	check_bad("{\"id\":1,\"auth\":\"a\",\"order\":\"any\"}", "1", 33, "do not go together");
	check_bad("{\"id\":1,\"command\":\"x\",\"order\":\"some\"}", "1", 30,
		  "order: there is no such order");
	check_bad("{\"id\":1,\"command\":\"x\",\"actor\":\"a\\u001b\"}", "1", 30,
		  "actor: this is no name");
	/* A command may have this many words, and no more. */
	for (u32 words = COMMAND_WORDS_MAX; words <= COMMAND_WORDS_MAX + 1; words++) {
		length = (u32)snprintf(line, sizeof(line),
				       "{\"id\":1,\"command\":\"x\",\"arguments\":[\"w\"");
		for (u32 i = 1; i < words; i++)
			length += (u32)snprintf(line + length, sizeof(line) - length, ",\"w\"");
		snprintf(line + length, sizeof(line) - length, "]}");
		assert_int_equal(parse(line, strlen(line)), words == COMMAND_WORDS_MAX);
	}
}

static void test_streams(void **state)
{
	(void)state;
	check_good("{\"credit\":3,\"bytes\":65536}", "null", "");
	assert_int_equal(request.kind, REQUEST_CREDIT);
	assert_int_equal(request.number, 3);
	assert_int_equal(request.bytes, 65536);
	check_good("{\"id\":4,\"command\":\"x\",\"arguments\":[\"a\"],\"data\":\"aGkK\"}", "4",
		   "x");
	assert_memory_equal(request.data, "hi\n", 3);
	assert_string_equal(request.argument[0], "a");
	check_good("{\"data\":\"aGkK\",\"id\":4,\"command\":\"x\",\"arguments\":[\"a\"]}", "4",
		   "x");
	assert_memory_equal(request.data, "hi\n", 3);
	assert_string_equal(request.argument[0], "a");
	check_good("{\"id\":4,\"command\":\"x\"}", "4", "x");
	assert_null(request.data);
	check_good("{\"stream\":4,\"data\":\"aGkK\"}", "null", "");
	assert_int_equal(request.kind, REQUEST_DATA);
	assert_int_equal(request.number, 4);
	assert_int_equal(request.bytes, 3);
	assert_memory_equal(request.data, "hi\n", 3);
	check_good("{\"stream\":4,\"data\":\"a*==\"}", "null", "");
	assert_true(request.bytes == ~0ull);
	check_good("{\"id\":1,\"hello\":2}", "1", "");
	assert_int_equal(request.kind, REQUEST_HELLO);
	assert_int_equal(request.number, 2);
	check_good("{\"stream\":4,\"at\":7,\"data\":\"aGkK\"}", "null", "");
	assert_true(request.kind == REQUEST_DATA && request.at == 7);
	check_good("{\"stream\":4,\"end\":4096}", "null", "");
	assert_true(request.kind == REQUEST_END && request.bytes == 4096);
	check_good("{\"stream\":4,\"refused\":\"no space\"}", "null", "");
	assert_int_equal(request.kind, REQUEST_REFUSAL);
	assert_string_equal(request.decoded, "no space");
	check_bad("{\"stream\":4,\"end\":-1}", "null", 18, "this is no number");
	assert_int_equal(request.bytes, ~0ull);
	check_bad("{\"stream\":4,\"at\":\"0\",\"data\":\"\"}", "null", 17, "this is no number");
	assert_int_equal(request.at, ~0ull);
	check_bad("{\"stream\":4,\"refused\":1}", "null", 22, "refused: this is no string");
	check_bad("{\"stream\":4,\"end\":1,\"refused\":\"\"}", "null", 33,
		  "the command is missing");
	check_bad("{\"credit\":-1,\"bytes\":1}", "null", 10, "this is no number");
	check_bad("{\"credit\":1,\"bytes\":99999999999999999999}", "null", 20, "this is no number");
	check_bad("{\"credit\":1}", "null", 12, "the command is missing");
	check_bad("{\"stream\":1,\"bytes\":1}", "null", 22, "the command is missing");
	check_bad("{\"stream\":1,\"data\":7}", "null", 19, "data: this is no string");
}

static void test_base64(void **state)
{
	static const struct {
		const char *text;
		const char *bytes; /* the bytes; NULL: the text is no base 64 */
	} cases[] = {{"", ""},	      {"Zg==", "f"},	    {"Zm8=", "fo"},
		     {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"Zg", NULL},
		     {"Zh==", NULL},  {"Zm9=", NULL},	    {"Z===", NULL},
		     {"====", NULL},  {"Zg==Zg==", NULL},   {"Zm 8", NULL},
		     {"Zm-_", NULL},  {"=Zm8", NULL}};
	u8 bytes[16];
	size_t count;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(base64_bytes(text_of(cases[i].text), bytes, &count),
				 cases[i].bytes != NULL);
		if (cases[i].bytes != NULL)
			assert_int_equal(count, strlen(cases[i].bytes));
		if (cases[i].bytes != NULL)
			assert_memory_equal(bytes, cases[i].bytes, count);
	}
}

static void test_unicode(void **state)
{
	(void)state;
	check_bad("{\"id\":1,\"command\":\"\\ud800\"}", "1", 19, "surrogates in pairs");
	check_bad("{\"id\":1,\"command\":\"ab\\udc00\"}", "1", 21, "surrogates in pairs");
	check_bad("{\"id\":1,\"command\":\"\\ud800\\u0041\"}", "1", 19, "surrogates in pairs");
	check_bad("{\"id\":1,\"command\":\"\\ud800\\ud800\"}", "1", 19, "surrogates in pairs");
	check_bad("{\"id\":\"\\udfff\",\"command\":\"a\"}", "null", 7, "surrogates in pairs");
	check_bad("{\"id\":1,\"command\":\"\\u12g4\"}", "1", 19, "\\u with 4 digits");
	check_bad("{\"id\":1,\"command\":\"\\x\"}", "1", 19, "\\u with 4 digits");
	check_bad("{\"id\":1,\"command\":\"\\", "1", 19, "\\u with 4 digits");
	check_bad("{\"id\":1,\"command\":\"\\ud800\\u", "1", 19, "surrogates in pairs");
	check_bad("{\"id\":1,\"command\":\"\xff\"}", "1", 19,
		  "there should be UTF-8 here, not the byte 0xff");
	check_bad("{\"id\":1,\"command\":\"\xed\xa0\x80\"}", "1", 19, "there should be UTF-8");
	check_bad("{\"id\":1,\"command\":\"\xc0\xaf\"}", "1", 19, "there should be UTF-8");
	check_bad("{\"id\":1,\"command\":\"a\\u0000b\"}", "1", 18, "a control character");
	check_bad("{\"id\":1,\"command\":\"a\\nb\"}", "1", 18, "a control character");
	assert_false(parse("{\"id\":1,\"command\":\"a\0b\"}", 24));
	assert_int_equal(request.position, 20);
}

static void test_large(void **state)
{
	static char line[30000];
	u32 length = (u32)snprintf(line, sizeof(line), "{\"id\":");

	(void)state;
	memset(line + length, '[', 10000);
	memset(line + length + 10000, ']', 10000);
	line[length + 20000] = '}';
	assert_false(parse(line, length + 20001));
	assert_int_equal(request.position, 6);
	/* A command of 1024 characters is accepted, one more is too long. */
	length = (u32)snprintf(line, sizeof(line), "{\"id\":1,\"command\":\"");
	memset(line + length, 'x', 1024);
	strcpy(line + length + 1024, "\"}");
	assert_true(parse(line, strlen(line)));
	assert_int_equal(strlen(request.command), 1024);
	memset(line + length, 'x', 1025);
	strcpy(line + length + 1025, "\"}");
	assert_false(parse(line, strlen(line)));
	assert_non_null(strstr(request.problem, "too long"));
	/* The whole line may be one id. */
	memset(line, 'x', 8000);
	memcpy(line, "{\"id\":\"", 7);
	strcpy(line + 8000, "\",\"command\":\"x\"}");
	assert_true(parse(line, strlen(line)));
	assert_int_equal(request.id.length, 8000 - 6 + 1);
}

/* Any bytes, and any change of a valid line: the parser returns and reads nothing outside. */
static void test_noise(void **state)
{
	static const char good[] = "{\"id\":\"\\ud83d\\ude00\",\"command\":\"vm list \\n\\u0041\"}";
	char line[sizeof(good)];
	u32 taken = 0;

	(void)state;
	srand(1);
	for (u32 i = 0; i < 200000; i++) {
		size_t length = sizeof(good) - 1;

		memcpy(line, good, sizeof(good));
		for (int k = rand() % 4; k >= 0; k--)
			line[(size_t)rand() % length] =
				(char)(rand() % 3 ? rand() : good[(size_t)rand() % length]);
		if (rand() % 4 == 0)
			length = (size_t)rand() % length;
		taken += parse(line, length);
	}
	assert_true(taken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),	  cmocka_unit_test(test_strings),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_members),	  cmocka_unit_test(test_unicode),
		cmocka_unit_test(test_large),	  cmocka_unit_test(test_noise),
		cmocka_unit_test(test_passwords), cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_streams),	  cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
