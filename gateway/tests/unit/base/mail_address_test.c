/* SPDX-License-Identifier: MIT */
/* Which addresses of mail are taken: none that means something to a shell, a program or a head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/dns_name.c"
#include "gateway/base/mail_address.c"
#include "gateway/base/string.h"

static void test_addresses(void **state)
{
	static const char *const good[] = {"ops@example.org", "a.b+c_d=e-f@x.example.org",
					   "root@localhost", "0@a", "A.Z@mail-1.example.org"};
	static const char *const bad[] = {
		"",
		"ops",
		"@example.org",
		"ops@",
		"ops@@example.org",
		"ops@example.org@evil.example",
		"-f@example.org",
		"-oQ/tmp@example.org",
		".a@example.org",
		"a.@example.org",
		"a..b@example.org",
		"ops@example..org",
		"ops@-example.org",
		"ops@example-.org",
		"ops@Example.org",
		"ops@127.0.0.1",
		"ops@[127.0.0.1]",
		"ops@example.org.",
		"ops@example.org\n",
		"ops@example.org\nBcc: all@example.org",
		"ops\n@example.org",
		"ops\r\n@example.org",
		" ops@example.org",
		"ops@example.org ",
		"ops,all@example.org",
		"ops@example.org,all@example.org",
		"\"ops\"@example.org",
		"Ops <ops@example.org>",
		"ops%evil.example@example.org",
		"evil.example!ops@example.org",
		"|sh@example.org",
		"/etc/passwd@example.org",
		"$(id)@example.org",
		"`id`@example.org",
		"a;b@example.org",
		"a'b@example.org",
		"a\\b@example.org",
		"\xc3\xa4@example.org",
		"ops@\xc3\xa4.org",
		"\x7f@example.org",
		":include:x@example.org",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		if (!mail_address_valid(good[i]))
			fail_msg("%s is refused", good[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (mail_address_valid(bad[i]))
			fail_msg("%s is taken", bad[i]);
	}
}

/* Of all characters these and no others stand in an address. */
static void test_each_character(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		char local[] = "a?b@example.org", domain[] = "ops@a?b.org";
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		local[1] = domain[5] = (char)c;
		assert_int_equal(mail_address_valid(local),
				 word || (c >= 'A' && c <= 'Z') || strchr("_+=-.", c));
		assert_int_equal(mail_address_valid(domain), word || strchr("-_.", c));
	}
}

static void test_lengths(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'a', sizeof(text));
	strcpy(text + 64, "@example.org");
	assert_true(mail_address_valid(text));
	memset(text, 'a', sizeof(text));
	strcpy(text + 65, "@example.org");
	assert_false(mail_address_valid(text));
	snprintf(text, sizeof(text), "a@");
	while (strlen(text) < 300)
		strcat(text, "abc.");
	strcat(text, "org");
	assert_false(mail_address_valid(text));
	assert_false(mail_address_pattern_valid(text + 1));
}

static void test_who_may_get_mail(void **state)
{
	(void)state;
	assert_true(mail_address_within("ops@example.org", "ops@example.org"));
	assert_true(mail_address_within("ops@example.org", "@example.org"));
	assert_false(mail_address_within("ops@example.org", "all@example.org"));
	assert_false(mail_address_within("ops@x.example.org", "@example.org"));
	assert_false(mail_address_within("ops@notexample.org", "@example.org"));
	assert_false(mail_address_within("ops@example.org", "@"));
	assert_true(mail_address_pattern_valid("@example.org"));
	assert_true(mail_address_pattern_valid("ops@example.org"));
	assert_false(mail_address_pattern_valid("@"));
	assert_false(mail_address_pattern_valid("*@example.org"));
	assert_false(mail_address_pattern_valid("example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_each_character),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_who_may_get_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
