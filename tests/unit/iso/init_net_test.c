/* SPDX-License-Identifier: MIT */
/*
 * Tests of what the init of a run takes from answers of a DHCP server that are whole, cut off, or
 * made to do harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iso/init/net.c"

static const struct dhcp_message asked = {.operation = 1, .number = {1, 2, 3, 4}};

uint32_t gate_number(const uint8_t *bytes, unsigned count)
{
	uint32_t number = 0;

	while (count-- > 0)
		number = number << 8 | bytes[count];
	return number;
}

size_t file_read(const char *path, char *bytes, size_t room)
{
	return 0;
}

void file_write(const char *path, const void *bytes, uint32_t count)
{
}

void file_replace(const char *path, const void *bytes, uint32_t count)
{
	assert_string_equal(path, "/etc/resolv.conf");
	check_expected(count);
	check_expected(bytes);
}

static struct dhcp_message answer_of(const void *options, size_t count)
{
	struct dhcp_message answer = {.operation = 2, .number = {1, 2, 3, 4}, .yours = 0x0a00070a};

	memcpy(answer.cookie, dhcp_cookie, sizeof(dhcp_cookie));
	memcpy(answer.options, options, count);
	return answer;
}

/* Takes the first `count` bytes of an answer, behind which there is nothing that may be read. */
static bool take(const struct dhcp_message *answer, size_t count, struct net_lease *lease)
{
	struct dhcp_message *kept = malloc(count == 0 ? 1 : count);
	bool done;

	memcpy(kept, answer, count);
	done = dhcp_take(&asked, kept, (long)count, lease);
	free(kept);
	return done;
}

#define OPTIONS                                                                                    \
	"\0\x35\1\5\1\4\xff\xff\0\0\3\x8\n\7\0\1\n\7\0\2\6\4\n\7\0\3\x36\4\n\7\xff\xfe\x33\4\0\1"  \
	"\x51\x80\xff"

static void test_lease(void **state)
{
	struct dhcp_message answer = answer_of(OPTIONS, sizeof(OPTIONS) - 1);
	size_t head = offsetof(struct dhcp_message, options);
	struct net_lease lease = {0};

	assert_true(take(&answer, sizeof(answer), &lease));
	assert_int_equal(lease.kind, DHCP_ACK);
	assert_int_equal(lease.address, 0x0a00070a);
	assert_int_equal(lease.mask, 0x0000ffff);
	assert_int_equal(lease.router, 0x0100070a); /* the first of two */
	assert_int_equal(lease.dns, 0x0300070a);
	assert_int_equal(lease.server, 0xfeff070a);
	/* cut off anywhere, it has what is whole before */
	for (size_t count = 0; count < head + sizeof(OPTIONS); count++)
		assert_int_equal(take(&answer, count, &lease), count >= head);
	assert_true(take(&answer, head + 4, &lease));
	assert_int_equal(lease.kind, DHCP_ACK);
	assert_int_equal(lease.mask, 0);
	assert_false(dhcp_take(&asked, &answer, -11, &lease));
}

static void test_others(void **state)
{
	struct dhcp_message answer = answer_of(OPTIONS, sizeof(OPTIONS) - 1);
	struct net_lease lease = {0};

	answer.number[3]++;
	assert_false(take(&answer, sizeof(answer), &lease));
	answer.number[3]--;
	answer.cookie[0]++;
	assert_false(take(&answer, sizeof(answer), &lease));
	answer.cookie[0]--;
	answer.operation = 1; /* what a client has sent */
	assert_false(take(&answer, sizeof(answer), &lease));
	assert_int_equal(lease.kind, DHCP_NONE);
}

/* Options of lengths that cannot be, and any bytes, end where the message does. */
static void test_hostile(void **state)
{
	uint8_t options[DHCP_OPTIONS_BYTES];
	struct net_lease lease;
	struct dhcp_message answer;

	answer = answer_of("\x35\0\1\3\1\2\3\6\xff\1", 10);
	assert_true(take(&answer, offsetof(struct dhcp_message, options) + 20, &lease));
	assert_int_equal(lease.kind, DHCP_NONE);
	assert_int_equal(lease.mask | lease.router | lease.dns, 0);
	srand(7);
	for (unsigned i = 0; i < 20000; i++) {
		for (size_t at = 0; at < sizeof(options); at++)
			options[at] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 8);
		answer = answer_of(options, sizeof(options));
		(void)take(&answer, sizeof(answer) - (size_t)rand() % 300, &lease);
	}
}

static void test_name_server(void **state)
{
	expect_value(file_replace, count, 20);
	expect_memory(file_replace, bytes, "nameserver 10.7.0.3\n", 20);
	expect_value(file_replace, count, 26);
	expect_memory(file_replace, bytes, "nameserver 255.255.100.99\n", 26);
	net_set_dns(0x0300070a);
	net_set_dns(0x6364ffff);
}

static void test_announcement(void **state)
{
	const uint8_t mac[] = {2, 3, 4, 5, 6, 7};
	struct arp_message said = arp_announcement(mac, 0x0a00070a);

	assert_memory_equal(&said, "\0\1\x8\0\6\4\0\1\2\3\4\5\6\7\n\7\0\n\0\0\0\0\0\0\n\7\0\n", 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),	     cmocka_unit_test(test_others),
		cmocka_unit_test(test_hostile),	     cmocka_unit_test(test_name_server),
		cmocka_unit_test(test_announcement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
