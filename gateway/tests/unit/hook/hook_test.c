/* SPDX-License-Identifier: MIT */
/* To which addresses a web hook is sent: each one that a name has is checked, and no other is
 * connected to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct {
	struct addrinfo list[8];
	struct sockaddr_in6 six[8];
	struct sockaddr_in four[8];
	unsigned resolved;
	char connected[8][INET6_ADDRSTRLEN];
	unsigned count;
} net;

/* The name has the addresses that the test has set, as a server of names of an attacker says. */
static int fake_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
			    struct addrinfo **found)
{
	(void)host, (void)port, (void)hints;
	net.resolved++;
	*found = net.list;
	return 0;
}

static void fake_freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

/* Notes the address; nobody is there. */
static int fake_connect(int fd, const struct sockaddr *at, socklen_t size)
{
	(void)fd, (void)size;
	if (at->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)at)->sin_addr,
			  net.connected[net.count++], INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr,
			  net.connected[net.count++], INET6_ADDRSTRLEN);
	return -1;
}

#define getaddrinfo  fake_getaddrinfo
#define freeaddrinfo fake_freeaddrinfo
#define connect	     fake_connect

#include "gateway/base/address.c"
#include "gateway/base/dns_name.c"
#include "gateway/base/hook_url.c"
#include "gateway/hook/hook_connect.c"

/* Sets the addresses that the name has; the list ends with NULL. */
static void set_addresses(const char *const *texts)
{
	memset(&net, 0, sizeof(net));
	for (unsigned i = 0; texts[i]; i++) {
		struct addrinfo *at = &net.list[i];

		if (i)
			net.list[i - 1].ai_next = at;
		if (inet_pton(AF_INET, texts[i], &net.four[i].sin_addr) == 1) {
			net.four[i].sin_family = AF_INET;
			at->ai_addr = (struct sockaddr *)&net.four[i];
			at->ai_addrlen = sizeof(net.four[i]);
		} else {
			assert_int_equal(inet_pton(AF_INET6, texts[i], &net.six[i].sin6_addr), 1);
			net.six[i].sin6_family = AF_INET6;
			at->ai_addr = (struct sockaddr *)&net.six[i];
			at->ai_addrlen = sizeof(net.six[i]);
		}
		at->ai_family = at->ai_addr->sa_family;
	}
}

/* Tries to connect to a name. Returns the result's status. */
static unsigned try_connect(struct hook_delivery *delivery, const char *text)
{
	struct delivery_result result = {0};
	struct hook_url url;
	int64_t until_ms = 0;

	assert_true(hook_url_read(text, &url));
	assert_int_equal(hook_connect(delivery, &url, &until_ms, &result), -1);
	return result.status;
}

static void test_only_checked_addresses_are_connected_to(void **state)
{
	const char *const mixed[] = {"127.0.0.1",    "8.8.8.8",		"10.0.0.1", "::1",
				     "2606:4700::1", "169.254.169.254", NULL};
	const char *const bad[] = {"127.0.0.1", "::ffff:10.0.0.1", "fd00::1", NULL};
	struct hook_delivery delivery = {0};

	(void)state;
	set_addresses(mixed);
	assert_int_equal(try_connect(&delivery, "https://hooks.example/"), DELIVERY_FAILED);
	assert_int_equal(net.resolved, 1);
	assert_int_equal(net.count, 2);
	assert_string_equal(net.connected[0], "8.8.8.8");
	assert_string_equal(net.connected[1], "2606:4700::1");
	set_addresses(bad);
	assert_int_equal(try_connect(&delivery, "https://hooks.example/"), DELIVERY_REFUSED);
	assert_int_equal(net.count, 0);
	/* http goes to what is named alone. */
	set_addresses(mixed);
	assert_int_equal(try_connect(&delivery, "http://hooks.example/"), DELIVERY_REFUSED);
	assert_true(address_read_range("10.0.0.0/8", &delivery.allowed[0]));
	delivery.allowed_count = 1;
	set_addresses(mixed);
	assert_int_equal(try_connect(&delivery, "http://hooks.example/"), DELIVERY_FAILED);
	assert_int_equal(net.count, 1);
	assert_string_equal(net.connected[0], "10.0.0.1");
}

static void test_own_networks_are_refused(void **state)
{
	const char *const addresses[] = {"198.35.26.96", "198.35.27.1", NULL};
	struct hook_delivery delivery = {0};

	(void)state;
	assert_true(address_read_range("198.35.26.0/24", &delivery.own[0]));
	delivery.own_count = 1;
	set_addresses(addresses);
	assert_int_equal(try_connect(&delivery, "https://hooks.example/"), DELIVERY_FAILED);
	assert_int_equal(net.count, 1);
	assert_string_equal(net.connected[0], "198.35.27.1");
	assert_true(address_read_range("198.35.26.96", &delivery.allowed[0]));
	delivery.allowed_count = 1;
	set_addresses(addresses);
	assert_int_equal(try_connect(&delivery, "https://hooks.example/"), DELIVERY_FAILED);
	assert_int_equal(net.count, 2);
}

static void test_few_addresses_are_tried(void **state)
{
	const char *const many[] = {"8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4",
				    "8.8.8.5", "8.8.8.6", NULL};
	struct hook_delivery delivery = {0};

	(void)state;
	set_addresses(many);
	assert_int_equal(try_connect(&delivery, "https://hooks.example/"), DELIVERY_FAILED);
	assert_int_equal(net.count, CONNECT_ADDRESSES);
}

static void test_ranges(void **state)
{
	static const char *const bad[] = {"",		"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
					  "10.0.0/8",	"::/129",      "example/8", "10.0.0.0/8x",
					  "10.0.0.0/ 8"};
	static const char *const special[] = {
		"0.0.0.0",	   "10.9.9.9",	  "100.127.0.1", "127.1.1.1",	"169.254.1.1",
		"172.31.0.1",	   "192.168.1.1", "198.19.0.1",	 "224.0.0.1",	"240.0.0.1",
		"255.255.255.255", "::",	  "::1",	 "fe80::1",	"fc00::1",
		"ff02::1",	   "64:ff9b::1",  "2001::1",	 "2001:db8::1", "2002::1"};
	static const char *const global[] = {"1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1",
					     "2a00::1"};
	struct address_range range;
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(address_read_range(bad[i], &range));
	for (size_t i = 0; i < ARRAY_COUNT(special); i++) {
		assert_true(address_read_range(special[i], &range));
		assert_false(address_global(range.first));
	}
	for (size_t i = 0; i < ARRAY_COUNT(global); i++) {
		assert_true(address_read_range(global[i], &range));
		assert_true(address_global(range.first));
		address_text(range.first, range.bits, text, sizeof(text));
		assert_memory_equal(text, global[i], strlen(global[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_checked_addresses_are_connected_to),
		cmocka_unit_test(test_own_networks_are_refused),
		cmocka_unit_test(test_few_addresses_are_tried),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
