/* SPDX-License-Identifier: MIT */
/* What skerry-proxy's rules allow: hosts, ports, methods, paths, addresses; keys found in answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/address.c"
#include "gateway/base/buffer.c"
#include "gateway/proxy/account.c"
#include "gateway/proxy/body.c"
#include "gateway/proxy/config_key.c"
#include "gateway/proxy/dns.c"
#include "gateway/proxy/leak.c"
#include "gateway/proxy/parse.c"
#include "gateway/proxy/range.c"
#include "gateway/proxy/resolve.c"
#include "gateway/proxy/rule.c"

static struct rules *rules;

/* Sets a key of the rule, or of the proxy. */
static const char *set(struct rule *rule, const char *key, const char *value)
{
	char copy[256];

	string_copy(copy, sizeof(copy), value);
	return config_key(rules, rule, key, copy);
}

static struct rule *add(const char *name)
{
	struct rule *rule = rules->list + rules->count++;

	*rule = (struct rule){.port = 443};
	string_copy(rule->name, sizeof(rule->name), name);
	return rule;
}

static int rules_make(void **state)
{
	(void)state;
	rules = calloc(1, sizeof(*rules));
	return rules == NULL;
}

static int rules_end(void **state)
{
	(void)state;
	rule_free(rules);
	return 0;
}

/* Returns whether the client may make the request. */
static bool may(uint32_t client, const char *method, const char *host, const char *target)
{
	struct parse_request request = {.target = target, .path = strcspn(target, "?")};
	const char *why;

	string_copy(request.method, sizeof(request.method), method);
	string_copy(request.host, sizeof(request.host), host);
	return rule_find(rules, client, &request, &why) != NULL && !why;
}

static void test_rules(void **state)
{
	struct rule *rule = add("api.test");

	(void)state;
	assert_true(may(0, "GET", "api.test", "/x"));
	assert_false(may(0, "GET", "api.test.evil", "/x"));
	assert_false(may(0, "GET", "xapi.test", "/x"));
	assert_false(may(0, "TRACE", "api.test", "/x"));
	assert_null(set(rule, "methods", "GET, POST"));
	assert_true(may(0, "POST", "api.test", "/x"));
	assert_false(may(0, "PUT", "api.test", "/x"));
	assert_false(may(0, "get", "api.test", "/x"));
	assert_null(set(rule, "clients", "10.7.0.0/16"));
	assert_true(may(0x0A070101, "GET", "api.test", "/x"));
	assert_false(may(0x0A080101, "GET", "api.test", "/x"));
}

static void test_paths(void **state)
{
	static const char *const bad[] = {
		"/",
		"/v1evil",
		"/V1/",
		"/v1/../admin",
		"/v1/%2e%2E/admin",
		"/v1/..",
		"/v1/..;/admin",
		"/v1/.;/x",
		"/v1//x",
		"/v1/%2f../x",
		"/v1/%5c..",
		"/v1/%252e%252e",
		"/v1/x%00",
		"/v1/x%",
		"/v1/.",
		"/v1/..%3b/admin",
		"/v1/..%3f/x",
		"/v1/x%23",
		"/v1/%c0%ae%c0%ae/x",
		"/v1/%e0%80%ae./x",
		"/v1/%f0%80%80%ae./x",
		"/v1/%u002e/x",
		"/v1/..%20/x",
		"/v1/%09../x",
		"/v1/x%0d%0ay",
		"/v1/%zz",
		"/v1/..,/x",
		"/v1/..:x",
		"/v1/x%7F",
		"/v1/./x?y",
		"/x?/v1/",
		"/v2/filesystem",
		"/v1/..?x",
	};
	struct rule *rule = add("api.test");

	(void)state;
	assert_null(set(rule, "paths", "/v1/ /v2/files"));
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (may(0, "GET", "api.test", bad[i]))
			fail_msg("allowed: %s", bad[i]);
	}
	assert_true(may(0, "GET", "api.test", "/v1/"));
	assert_true(may(0, "GET", "api.test", "/v1/a.b/.well-known/..x?q=../%2e%2e"));
	assert_true(
		may(0, "GET", "api.test", "/v1/my%20%C3%A4%e2%82%ac%E0%A4%85%f0%9f%98%80:b;c@d,e"));
	assert_true(may(0, "GET", "api.test", "/v2/files"));
	assert_true(may(0, "GET", "api.test", "/v2/files/1?x"));
}

static void test_ports(void **state)
{
	struct parse_request request = {.host = "api.test", .port = 444, .method = "CONNECT"};
	struct rule *rule = add("api.test");
	const char *why;

	(void)state;
	request.tunnel = true;
	assert_null(rule_find(rules, 0, &request, &why));
	request.port = 443;
	assert_null(rule_find(rules, 0, &request, &why));
	assert_non_null(strstr(why, "without CONNECT"));
	assert_null(set(rule, "tunnel", "yes"));
	assert_ptr_equal(rule_find(rules, 0, &request, &why), rule);
}

static bool allows(const struct rule *rule, const char *text)
{
	struct range range;

	assert_true(range_read(&range, text));
	return rule_address(rules, rule, range.address);
}

static void test_addresses(void **state)
{
	static const char *const special[] = {
		"0.0.0.0",	   "10.0.0.1",	 "100.64.0.1",	"127.0.0.1",
		"169.254.169.254", "172.31.0.1", "192.168.0.1", "224.0.0.1",
		"255.255.255.255", "198.18.0.1", "192.0.0.170", "203.0.113.200",
	};
	struct rule *rule = add("api.test");
	struct range range;

	(void)state;
	assert_true(allows(rule, "9.9.9.9"));
	assert_true(allows(rule, "172.32.0.1"));
	for (size_t i = 0; i < ARRAY_COUNT(special); i++)
		assert_false(allows(rule, special[i]));
	rules->own_count = 1;
	assert_true(range_read(rules->own, "9.9.9.0/24"));
	assert_false(allows(rule, "9.9.9.9"));
	assert_null(set(rule, "address", "10.1.2.0/24"));
	assert_true(allows(rule, "10.1.2.3"));
	assert_false(allows(rule, "10.1.3.3"));
	assert_false(allows(rule, "1.1.1.1"));
	assert_false(range_read(&range, "10.1.2.3/24"));
	assert_false(range_read(&range, "10.1.2.0/33"));
	assert_false(range_read(&range, "10.1.2/24"));
	assert_true(range_read(&range, "0.0.0.0/0"));
}

/* What a line of the configuration may not say, and that a sentence tells what it may. */
static void test_keys(void **state)
{
	static const char *const bad[][2] = {
		{"port", "0"},	       {"port", "65536"},	{"tunnel", "maybe"},
		{"bytes", "x"},	       {"bytes", "M"},		{"methods", "TRACE"},
		{"methods", ""},       {"paths", "v1"},		{"clients", "10.7.0.1/16"},
		{"header", "a"},       {"header", "A B: c"},	{"header", "Host: x"},
		{"header", "A: @/no"}, {"listen", "1.2.3.4:5"}, {"nothing", "1"},
		{"names", "a.test"},   {"direct", "maybe"},	{"header", "Content_Length: 1"},
	};
	struct rule *rule = add("api.test");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (!set(rule, bad[i][0], bad[i][1]))
			fail_msg("taken: %s = %s", bad[i][0], bad[i][1]);
	}
	assert_null(set(rule, "bytes", "100M"));
	assert_int_equal(rule->bytes, 100 << 20);
	assert_null(set(NULL, "listen", "10.7.0.1:3128"));
	assert_int_equal(rules->listen, 0x0A070001);
	assert_non_null(set(NULL, "listen", "10.7.0.1"));
	assert_null(set(NULL, "resolver", "9.9.9.9"));
	assert_int_equal(rules->resolver_port, 53);
	assert_non_null(set(NULL, "names.set", "inet skerry"));
	assert_non_null(set(NULL, "names.set", "bridge skerry answered"));
	assert_non_null(set(NULL, "names.set", "inet a2345678901234567890123456789012345"));
	assert_non_null(set(NULL, "names.set", "inet a23456789012345678901234567890123 b"));
	assert_null(set(NULL, "names.set", "inet skerry answered"));
	assert_string_equal(rules->set.name, "answered");
	assert_non_null(set(NULL, "names.questions", "0"));
	assert_null(set(NULL, "names.listen", "10.7.0.1"));
	assert_int_equal(rules->names_port, 53);
	assert_null(set(NULL, "resolve", "api.test.  10.1.1.1"));
	assert_int_equal(rules->pinned[0].address, 0x0A010101);
	assert_string_equal(rules->pinned[0].name, "api.test");
	assert_null(set(rule, "header", "X-Plain: text"));
	assert_string_equal(rule->headers[rule->header_count - 1].value, "text");
	assert_false(rule_has_key(rule));
	assert_true(rule_drops(rule, "x_plain") && rule_drops(rule, "X-HTTP-Method-Override"));
	assert_false(rule_drops(rule, "accept-encoding"));
}

static void test_leaks(void **state)
{
	static char name[] = "A";
	static char key[] = "aabaabaac";
	struct rule rule = {.header_count = 1, .headers = {{name, key, key}}};
	static const char good[] = "xx aabaabaabaab aabaabaa";
	static const char bad[] = "xx aabaabaabaac yy";

	(void)state;
	for (size_t step = 1; step < sizeof(good); step++) {
		struct buffer got = {0};
		struct leak leak;

		assert_true(leak_start(&leak, &rule));
		for (size_t at = 0; at < sizeof(good) - 1; at += step)
			assert_true(
				leak_take(&leak, &got, good + at,
					  at + step < sizeof(good) ? step : sizeof(good) - 1 - at));
		leak_end(&leak, &got);
		assert_string_equal(got.bytes, good);
		leak_free(&leak);
		buffer_free(&got);
	}
	for (size_t step = 1; step < sizeof(bad); step++) {
		struct buffer got = {0};
		struct leak leak;
		bool passed = true;

		assert_true(leak_start(&leak, &rule));
		for (size_t at = 0; passed && at < sizeof(bad) - 1; at += step)
			passed = leak_take(&leak, &got, bad + at,
					   at + step < sizeof(bad) ? step : sizeof(bad) - 1 - at);
		assert_false(passed);
		assert_true(!got.bytes || !strchr(got.bytes, 'c'));
		assert_true(got.count <= 6);
		leak_free(&leak);
		buffer_free(&got);
	}
	assert_true(leak_found(&rule, bad, sizeof(bad)));
	assert_false(leak_found(&rule, good, sizeof(good)));
}

/* A star stands for one label; `direct` for the name of a section, with its clients. */
static void test_names(void **state)
{
	static const char *const bad[] = {
		"*",	 "*.",		 "*.org",	 "a*.example.org", "*.*.example.org",
		"a b/c", ".example.org", "example..org", "example.org..",  "."};
	struct rule *rule = add("api.test"), *more;

	(void)state;
	assert_false(rule_has_names(rules));
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (!set(NULL, "names", bad[i]))
			fail_msg("taken: names = %s", bad[i]);
	}
	rules->name_count = 0;
	assert_null(set(NULL, "names", "API.Example.org., *.pypi.org"));
	assert_true(rule_has_names(rules));
	assert_non_null(rule_named(rules, 0, "api.example.org"));
	assert_non_null(rule_named(rules, 0, "files.pypi.org"));
	assert_null(rule_named(rules, 0, "pypi.org"));
	assert_null(rule_named(rules, 0, "a.files.pypi.org"));
	assert_null(rule_named(rules, 0, "filespypi.org"));
	assert_null(rule_named(rules, 0, "x.api.example.org"));
	assert_null(rule_named(rules, 0, "example.org"));
	assert_null(rule_named(rules, 0, ""));
	assert_null(rule_named(rules, 0, "api.test"));
	assert_null(set(rule, "direct", "yes"));
	assert_null(set(rule, "clients", "10.7.0.0/16"));
	assert_ptr_equal(rule_named(rules, 0x0A070101, "api.test"), rule);
	assert_null(rule_named(rules, 0x0A080101, "api.test"));
	/* The rule of a name in a list has no addresses of its own, so special ones are dropped. */
	assert_false(allows(rule_named(rules, 0, "api.example.org"), "10.0.0.1"));
	assert_true(allows(rule_named(rules, 0, "api.example.org"), "9.9.9.9"));
	more = add("files.pypi.org");
	assert_null(set(more, "direct", "yes"));
	assert_null(set(more, "address", "10.1.2.0/24"));
	assert_true(allows(rule_named(rules, 0, "files.pypi.org"), "10.1.2.3"));
	/* What some name may stand for: of a section, or of the list. */
	assert_true(rule_opens(rules, 0, 0x0A010203) && rule_opens(rules, 0, 0x09090909));
	assert_false(rule_opens(rules, 0, 0x0A010303) || rule_opens(rules, 0, 0xA9FEA9FE));
	assert_null(set(more, "clients", "10.7.0.0/16"));
	assert_false(rule_opens(rules, 0x0A080101, 0x0A010203));
	rules->name_count = 0;
	assert_true(rule_opens(rules, 0x0A070101, 0x09090909));
	assert_false(rule_opens(rules, 0x0A080101, 0x09090909));
}

static void test_accounts(void **state)
{
	struct rule *rule = add("api.test");
	int one, two;

	(void)state;
	assert_true(account_setup());
	rule->bytes = 10;
	one = account_open(1, 2);
	two = account_open(2, 2);
	assert_true(one >= 0 && two >= 0 && one != two);
	assert_int_equal(account_open(1, 2), one);
	assert_int_equal(account_open(1, 2), -1);
	account_close(one);
	assert_int_equal(account_open(1, 2), one);
	for (uint32_t i = 3; i <= ACCOUNT_COUNT; i++)
		assert_true(account_open(i, 1) >= 0);
	assert_int_equal(account_open(99999, 1), -1);
	account_close(account_open(3, 2));
	account_close(account_open(3, 2));
	assert_int_equal(account_open(99999, 1), -1);
	accounts.list[7].connections = 0;
	assert_int_equal(account_open(99999, 1), 7);
	assert_true(account_add(account_page(one), rules, rule, 10));
	assert_true(account_add(account_page(two), rules, rule, 0));
	assert_false(account_add(account_page(one), rules, rule, 1));
	accounts.list[one].hour_ms -= ACCOUNT_HOUR_MS;
	account_close(one);
	assert_int_equal(account_open(1, 2), one);
	assert_true(account_add(account_page(one), rules, rule, 1));
	assert_ptr_equal(account_keep(two), account_page(two));
	assert_true(account_add(account_page(two), rules, rule, 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules, rules_make, rules_end),
		cmocka_unit_test_setup_teardown(test_paths, rules_make, rules_end),
		cmocka_unit_test_setup_teardown(test_ports, rules_make, rules_end),
		cmocka_unit_test_setup_teardown(test_addresses, rules_make, rules_end),
		cmocka_unit_test_setup_teardown(test_keys, rules_make, rules_end),
		cmocka_unit_test_setup_teardown(test_accounts, rules_make, rules_end),
		cmocka_unit_test(test_leaks),
		cmocka_unit_test_setup_teardown(test_names, rules_make, rules_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
