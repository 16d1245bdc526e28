/* SPDX-License-Identifier: MIT */
/* Messages of mail: their heads, and that no part of one can begin a line of its own there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/dns_name.c"
#include "gateway/base/mail_address.c"
#include "gateway/base/string.h"
#include "gateway/mail/mail_compose.c"

static const struct mail_message plain = {
	.number = "00ff",
	.from = "skerry@a.example",
	.to = "ops@b.example",
	.subject = "[skerry] critical: full fires for vm/web",
	.body = "It is so.\n\n.\nFrom here on\n",
	.time = 1800000000,
};

static bool composed(const struct mail_message *message)
{
	struct buffer out = {0};
	bool done = mail_compose(message, &out);

	buffer_free(&out);
	return done;
}

static void test_a_message(void **state)
{
	struct buffer out = {0};

	(void)state;
	assert_true(mail_compose(&plain, &out));
	assert_string_equal(out.bytes,
			    "From: skerry@a.example\nTo: ops@b.example\n"
			    "Subject: [skerry] critical: full fires for vm/web\n"
			    "Date: Fri, 15 Jan 2027 08:00:00 +0000\n"
			    "Message-ID: <00ff@a.example>\nAuto-Submitted: auto-generated\n"
			    "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n"
			    "It is so.\n\n.\nFrom here on\n");
	buffer_free(&out);
}

static void test_no_part_begins_a_line(void **state)
{
	static const char *const bad[] = {
		"a\nBcc: all@b.example", "a\rb", "a\r\nb", "\n", "a\tb", "\x1b[2J", "\xc3\xa4", ""};
	struct mail_message message;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		message = plain, message.subject = bad[i];
		assert_false(composed(&message));
		message = plain, message.number = bad[i];
		assert_false(composed(&message));
		message = plain, message.to = bad[i];
		assert_false(composed(&message));
		message = plain, message.from = bad[i];
		assert_false(composed(&message));
	}
	message = plain, message.number = "1>x";
	assert_false(composed(&message));
}

static void test_bodies(void **state)
{
	static const char *const bad[] = {"", "no end", "a\rb\n", "a\tb\n", "\x01\n", "\xff\n"};
	struct mail_message message = plain;
	char text[MAIL_BODY_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		message.body = bad[i];
		assert_false(composed(&message));
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 64 == 63 ? '\n' : 'a';
	text[MAIL_BODY_BYTES] = 0;
	message.body = text;
	assert_true(composed(&message));
	text[MAIL_BODY_BYTES] = '\n';
	text[MAIL_BODY_BYTES + 1] = 0;
	assert_false(composed(&message));
	memset(text, 'a', MAIL_LINE_BYTES);
	strcpy(text + MAIL_LINE_BYTES, "\n");
	assert_true(composed(&message));
	strcpy(text + MAIL_LINE_BYTES, "a\n");
	assert_false(composed(&message));
}

static void test_times_that_are_none(void **state)
{
	struct mail_message message = plain;

	(void)state;
	message.time = -1;
	assert_false(composed(&message));
	message.time = INT64_MAX;
	assert_false(composed(&message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message),
		cmocka_unit_test(test_no_part_begins_a_line),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_times_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
