/* SPDX-License-Identifier: MIT */
/* Which URLs a web hook may have: what is no plain name or address, or could end a line of a head,
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/dns_name.c"
#include "gateway/base/hook_url.c"

static void test_urls(void **state)
{
	static const char *const bad[] = {
		"",
		"https://",
		"https:///x",
		"ftp://a.example/",
		"https://user@a.example/",
		"https://a.example:0/",
		"https://a.example:65536/",
		"https://a.example:/",
		"https://a.example/\r\nX: y",
		"https://a.example/ x",
		"https://a.example/#x",
		"https://a.example\\@b/",
		"https://a..example/",
		"https://-a.example/",
		"https://2130706433/",
		"https://0x7f.1/",
		"https://127.1/",
		"https://0177.0.0.1/",
		"https://[::1/",
		"https://[fe80::1%25eth0]/",
		"https://[a.example]/",
		"https://a.example./",
		"HTTPS://a.example/",
		"https://\xc3\xa4.example/",
	};
	struct hook_url url;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(hook_url_read(bad[i], &url));
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://a.example/", 18);
	text[HOOK_URL_BYTES] = 0;
	assert_false(hook_url_read(text, &url));
	text[HOOK_URL_BYTES - 1] = 0;
	assert_true(hook_url_read(text, &url));
	assert_true(hook_url_read("https://Hooks.Example:8443?a=b", &url));
	assert_true(url.https && !url.literal);
	assert_string_equal(url.host, "hooks.example");
	assert_string_equal(url.port, "8443");
	assert_string_equal(url.path, "/?a=b");
	assert_true(hook_url_read("http://[::ffff:10.0.0.1]/x", &url));
	assert_true(!url.https && url.literal);
	assert_string_equal(url.host, "::ffff:10.0.0.1");
	assert_string_equal(url.port, "80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
