/* SPDX-License-Identifier: MIT */
/* Tests of how connections over TLS are shared among addresses and credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "gateway/web/gate.c"
#include "gateway/base/head.c"
#include "gateway/web/tunnel_list.c"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage address = {.ss_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&address)->sin6_addr),
			 1);
	return address;
}

static struct tunnel *add(const char *address, uint32_t who, int state)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));

	assert_non_null(tunnel);
	tunnel->state = TUNNEL_OPEN;
	tunnel->client = tunnel->inner = tunnel->server = -1;
	tunnel->who = who;
	tunnel->number = ++tunnels.last;
	tunnel->address = address_of(address);
	tunnel->gate.state = state;
	tunnels.list[tunnels.count++] = tunnel;
	return tunnel;
}

static bool has(uint64_t number)
{
	for (size_t i = 0; i < tunnels.count; i++) {
		if (tunnels.list[i]->number == number)
			return true;
	}
	return false;
}

static int leave(void **state)
{
	(void)state;
	while (tunnels.count)
		tunnel_free(0);
	tunnels.per_address = 0;
	return 0;
}

static bool same(const char *one, const char *other)
{
	struct sockaddr_storage first = address_of(one), second = address_of(other);

	return tunnel_same_address(&first, &second);
}

static void test_addresses(void **state)
{
	(void)state;
	assert_true(same("fd00::1", "fd00::2:0:0:1"));
	assert_false(same("fd00::1", "fd00:0:0:1::1"));
	assert_true(same("::ffff:10.0.0.1", "::ffff:10.0.0.1"));
	assert_false(same("::ffff:10.0.0.1", "::ffff:10.0.0.2"));
	assert_false(same("::1", "::ffff:10.0.0.1"));
	assert_false(same("::ffff:10.0.0.1", "::1"));
	assert_true(same("::1", "::1"));
}

/*
 * Tunnels without a credential give up their places first, and among these the address with most
 * tunnels, whatever they do.
 */
static void test_strangers_give_their_places_up(void **state)
{
	static const int states[] = {GATE_HEAD, GATE_WAIT, GATE_BODY, GATE_OPEN, GATE_SHUT};
	struct sockaddr_storage other = address_of("fd00:0:0:99::1");
	uint64_t single, first, known;

	(void)state;
	tunnels.per_address = TUNNELS;
	known = add("fd00:0:0:1::1", 1, GATE_HEAD)->number;
	single = add("fd00:0:0:2::1", 0, GATE_HEAD)->number;
	first = tunnels.last + 1;
	while (tunnels.count < TUNNELS)
		add("fd00:0:0:3::1", 0, states[1 + tunnels.count % 4]);
	for (uint64_t i = 0; i < TUNNELS - 3; i++) {
		assert_true(tunnel_has_room(&other));
		assert_false(has(first + i));
		assert_true(has(single) && has(known));
		add("fd00:0:0:98::1", 2, GATE_WAIT);
	}
}

static void test_the_next_credential_when_the_first_is_busy(void **state)
{
	struct sockaddr_storage other = address_of("fd00:0:0:99::1");
	uint64_t idle;

	(void)state;
	idle = add("fd00:0:0:1::1", 1, GATE_HEAD)->number;
	while (tunnels.count < TUNNELS)
		add("fd00:0:0:2::1", 2, GATE_OPEN);
	assert_true(tunnel_has_room(&other));
	assert_false(has(idle));
	add("fd00:0:0:2::1", 2, GATE_OPEN);
	assert_false(tunnel_has_room(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_addresses, leave),
		cmocka_unit_test_teardown(test_strangers_give_their_places_up, leave),
		cmocka_unit_test_teardown(test_the_next_credential_when_the_first_is_busy, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
