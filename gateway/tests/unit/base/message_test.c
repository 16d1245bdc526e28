/* SPDX-License-Identifier: MIT */
/* Tests of messages between the processes, and of the descriptors that the other end passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/message.c"

enum { PASSED_MOST = 16 };

static int ends[2];
static struct message_socket reader;
static struct message_head head;
static char bytes[MESSAGE_BYTES];
static int pass;

static int test_setup(void **state)
{
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	reader = (struct message_socket){.fd = ends[0]};
	return 0;
}

static int test_teardown(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* Returns the lowest number that no descriptor has. */
static int free_number(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* Sends a message with so many descriptors, as a process that keeps to no rule can. */
static void send_with(size_t count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(PASSED_MOST * sizeof(int))];
	} control = {0};
	struct message_head sent = {.kind = MESSAGE_CONSUMED, .id = 1};
	struct iovec part = {&sent, sizeof(sent)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	int list[PASSED_MOST];

	for (size_t i = 0; i < count; i++)
		list[i] = ends[1];
	control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.head), list, count * sizeof(int));
	assert_int_equal(sendmsg(ends[1], &message, 0), sizeof(sent));
}

static void test_one_descriptor_is_the_callers(void **state)
{
	(void)state;
	send_with(1);
	assert_int_equal(message_receive(&reader, &head, bytes, &pass), 0);
	assert_true(pass >= 0);
	close(pass);
}

static void test_one_that_nobody_wants_is_closed(void **state)
{
	int before = free_number();

	(void)state;
	send_with(1);
	assert_int_equal(message_receive(&reader, &head, bytes, NULL), 0);
	assert_int_equal(free_number(), before);
}

static void test_more_than_one_break_the_rules_and_none_stays_open(void **state)
{
	int before = free_number();

	(void)state;
	for (size_t count = 2; count <= PASSED_MOST; count++) {
		send_with(count);
		assert_int_equal(message_receive(&reader, &head, bytes, &pass), -2);
		assert_int_equal(pass, -1);
		assert_int_equal(free_number(), before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_descriptor_is_the_callers, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(test_one_that_nobody_wants_is_closed, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(
			test_more_than_one_break_the_rules_and_none_stays_open, test_setup,
			test_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
