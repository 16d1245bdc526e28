/* SPDX-License-Identifier: MIT */
/*
 * Writing JSON: objects, escapes and UTF-8; any byte gives valid text, and an overflow is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/text/json.c"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"

static char buffer[256];

static const char *text_json(const char *bytes, size_t length)
{
	struct json json;
	size_t written;

	json_start(&json, buffer, sizeof(buffer));
	json_text(&json, NULL, (struct text){bytes, length});
	written = json_finish(&json);
	assert_int_equal(written, strlen(buffer));
	return buffer;
}

static void test_object(void **state)
{
	struct json json;

	(void)state;
	json_start(&json, buffer, sizeof(buffer));
	json_object_begin(&json, NULL);
	json_string(&json, "name", "alpha");
	json_u64(&json, "big", ~0ull);
	json_s64(&json, "small", INT64_MIN);
	json_bool(&json, "yes", true);
	json_null(&json, "none");
	json_array_begin(&json, "list");
	json_array_end(&json);
	json_array_begin(&json, "pair");
	json_u64(&json, NULL, 1);
	json_object_begin(&json, NULL);
	json_object_end(&json);
	json_array_end(&json);
	json_object_end(&json);
	assert_int_not_equal(json_finish(&json), 0);
	assert_string_equal(buffer, "{\"name\":\"alpha\",\"big\":18446744073709551615,"
				    "\"small\":-9223372036854775808,\"yes\":true,\"none\":null,"
				    "\"list\":[],\"pair\":[1,{}]}");
}

static void test_escapes(void **state)
{
	(void)state;
	assert_string_equal(text_json("a\"b\\c\n\r\t\0\x1f\x7f", 11),
			    "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\\u007f\"");
}

static void test_utf8(void **state)
{
	(void)state;
	assert_string_equal(text_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9),
			    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	/* truncated, a lone continuation byte, overlong forms, a surrogate, above U+10FFFF */
	assert_string_equal(text_json("\xc3", 1), "\"\\ufffd\"");
	assert_string_equal(text_json("\x80x", 2), "\"\\ufffdx\"");
	assert_string_equal(text_json("\xc0\xaf", 2), "\"\\ufffd\\ufffd\"");
	assert_string_equal(text_json("\xe0\x80\x80", 3), "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(text_json("\xed\xa0\x80", 3), "\"\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(text_json("\xf4\x90\x80\x80", 4), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(text_json("\xff", 1), "\"\\ufffd\"");
}

/* Every single byte gives a string that readers accept: printable ASCII between quotes. */
static void test_any_byte(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char c = (char)byte;

		for (const char *at = text_json(&c, 1); *at != '\0'; at++)
			assert_true(char_is_printable(*at));
	}
}

/* At every buffer size, text that does not fit is refused as a whole. */
static void test_overflow(void **state)
{
	struct json json;
	char *small;

	(void)state;
	for (size_t size = 0; size < 20; size++) {
		small = malloc(size + 1);
		small[0] = 'x';
		json_start(&json, small, size);
		json_object_begin(&json, NULL);
		json_string(&json, "key", "value"); /* 15 bytes and the terminator */
		json_object_end(&json);
		if (size < 16) {
			assert_int_equal(json_finish(&json), 0);
			assert_true(size == 0 ? small[0] == 'x' : small[0] == '\0');
		} else {
			assert_int_equal(json_finish(&json), 15);
			assert_string_equal(small, "{\"key\":\"value\"}");
		}
		free(small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_object),	 cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_utf8),	 cmocka_unit_test(test_any_byte),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
