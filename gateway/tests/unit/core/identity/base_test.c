/* SPDX-License-Identifier: MIT */
/*
 * Tests of what all programs of the gateway share, and of roles and scopes: buffers, encodings,
 * fields, strings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"
#include "gateway/base/string.h"
#include "gateway/core/identity/identity.c"
#include "gateway/core/identity/role.c"
#include "gateway/core/identity/scope.c"

/* Stands in for the lookups of accounts and tokens, which have tests of their own. */
const struct account *account_by_number(uint64_t number)
{
	(void)number;
	return NULL;
}

bool token_alive(uint64_t number, int64_t now)
{
	(void)number, (void)now;
	return false;
}

static unsigned kept_by_tokens, kept_by_users;

unsigned token_kept(uint64_t except)
{
	return except ? 0 : kept_by_tokens;
}

unsigned account_kept(uint64_t except)
{
	return except ? 0 : kept_by_users;
}

static void test_roles_that_nobody_keeps(void **state)
{
	(void)state;
	kept_by_tokens = ROLE_ADMIN | ROLE_VIEWER;
	kept_by_users = ROLE_AUDITOR;
	assert_int_equal(identity_roles_lost(0, 0), 0);
	assert_int_equal(identity_roles_lost(1, 0), ROLE_ADMIN);
	assert_int_equal(identity_roles_lost(0, 1), ROLE_AUDITOR);
}

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""},	 {"f", "Zg=="},	       {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct buffer buffer = {0};
		size_t length = strlen(pairs[i][0]);

		buffer_text(&buffer, "");
		base64_add(&buffer, (const uint8_t *)pairs[i][0], length);
		assert_string_equal(buffer.bytes, pairs[i][1]);
		assert_int_equal(base64_read(buffer.bytes, buffer.count, bytes, 16), length);
		assert_memory_equal(bytes, pairs[i][0], length);
		buffer_free(&buffer);
	}
	assert_int_equal(base64_read("Zg=", 3, bytes, 16), -1);
	assert_int_equal(base64_read("====", 4, bytes, 16), -1);
	assert_int_equal(base64_read("Z===", 4, bytes, 16), -1);
	assert_int_equal(base64_read("Zg==Zg==", 8, bytes, 16), -1);
	assert_int_equal(base64_read("Zm9v", 4, bytes, 2), -1);
}

static void test_utf8(void **state)
{
	static const char *const good[] = {"",
					   "a",
					   "\xc3\xa9",
					   "\xe2\x82\xac",
					   "\xf0\x9f\x98\x80",
					   "\xed\x9f\xbf",
					   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {
		"\x80", "\xc0\xaf",	"\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xc3", "\xf0\x9f\x98", "\xff"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		assert_true(utf8_valid((const uint8_t *)good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(utf8_valid((const uint8_t *)bad[i], strlen(bad[i])));
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t value;
		unsigned least;
		const char *text;
	} numbers[] = {
		{0, 0, "0"},
		{0, 1, "0"},
		{7, 3, "007"},
		{42, 3, "042"},
		{999, 3, "999"},
		{1000, 3, "1000"},
		{UINT64_MAX, 1, "18446744073709551615"},
	};
	const uint8_t bytes[] = {0x00, 0x9f, 0xff};
	char room[32], hex[7];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		char *end = room + sizeof(room) - 1;

		*end = 0;
		assert_string_equal(decimal_write(end, numbers[i].value, numbers[i].least),
				    numbers[i].text);
	}
	hex_write(hex, bytes, sizeof(bytes));
	assert_string_equal(hex, "009fff");
}

/* A name below a group is that whole name, and the first of several counts. */
static void test_fields_below(void **state)
{
	static struct fields fields;
	struct buffer buffer = {0};

	(void)state;
	fields_text(&buffer, "header.hosts", "no");
	fields_text(&buffer, "headers.host", "no");
	fields_text(&buffer, "host", "no");
	fields_text(&buffer, "header.host", "yes");
	fields_text(&buffer, "header.host", "later");
	assert_true(fields_read(&fields, buffer.bytes, buffer.count));
	assert_string_equal(fields_below(&fields, "header", "host")->value, "yes");
	assert_null(fields_below(&fields, "header", "hos"));
	assert_null(fields_below(&fields, "head", "er.host"));
	buffer_free(&buffer);
}

static void test_fields(void **state)
{
	static struct fields fields;
	struct buffer buffer = {0};

	(void)state;
	fields_text(&buffer, "path", "/v1");
	fields_add(&buffer, FIELD_NULL, "body.x", "", 0);
	assert_true(fields_read(&fields, buffer.bytes, buffer.count));
	assert_int_equal(fields.count, 2);
	assert_string_equal(fields_get(&fields, "path"), "/v1");
	assert_int_equal(fields_find(&fields, "body.x")->type, FIELD_NULL);
	assert_null(fields_get(&fields, "body"));
	/* A message cut anywhere is no list of fields, except at the end of a field. */
	for (size_t count = 1; count < buffer.count; count++) {
		bool whole = count == sizeof(struct field_head) + 9;

		assert_int_equal(fields_read(&fields, buffer.bytes, count), whole);
	}
	fields_add(&buffer, FIELD_TEXT, "zero", "a\0b", 3);
	assert_true(buffer.failed);
	buffer_free(&buffer);
}

static void test_scopes(void **state)
{
	(void)state;
	assert_true(scope_within("web1", "web*"));
	assert_true(scope_within("web-a*", "web*"));
	assert_true(scope_within("w?b", "w?b"));
	assert_true(scope_within("anything*", "*"));
	assert_false(scope_within("*", "web*"));
	assert_false(scope_within("we*", "web*"));
	assert_false(scope_within("w?b1", "web*"));
	assert_false(scope_within("*web", "web*"));
	assert_false(scope_within("web*", "web"));
	assert_false(scope_within("a*", "?*"));
	assert_false(scope_valid(""));
	assert_false(scope_valid("[a-z]"));
	assert_true(scope_valid("vm_1-2.x*?"));
	assert_true(scope_has("web*", "web1"));
	assert_false(scope_has("web", "web1"));
	/* no names of VMs */
	assert_false(scope_has("p*", "pool/web"));
	assert_false(scope_has("s*", "store pool"));
	assert_true(scope_has("*", "pool/web"));
}

static void test_roles_imply(void **state)
{
	(void)state;
	assert_int_equal(role_imply(ROLE_ADMIN), ROLE_ADMIN | ROLE_OPERATOR | ROLE_VIEWER);
	assert_int_equal(role_imply(ROLE_CONSOLE_WRITE), ROLE_CONSOLE_WRITE | ROLE_CONSOLE_READ);
	assert_int_equal(role_imply(ROLE_AUDITOR), ROLE_AUDITOR);
	assert_int_equal(role_imply(ROLE_GUEST), ROLE_GUEST);
	assert_int_equal(role_imply(0), 0);
}

static void test_string_copy(void **state)
{
	char text[4] = "abc";

	(void)state;
	string_copy(text, sizeof(text), "");
	assert_string_equal(text, "");
	string_copy(text, sizeof(text), "xyz");
	assert_string_equal(text, "xyz");
	string_copy(text, sizeof(text), "too long");
	assert_string_equal(text, "too");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_string_copy),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_fields_below),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_roles_imply),
		cmocka_unit_test(test_roles_that_nobody_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
