/* SPDX-License-Identifier: MIT */
/* Which heads of requests are refused as they could be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/head.c"

#define GOOD(text) (text), sizeof(text) - 1, HEAD_ENDS
#define BAD(text)  (text), sizeof(text) - 1, HEAD_BAD
#define OPEN(text) (text), sizeof(text) - 1, HEAD_MORE

/* Checks that the text gives the same result in one piece and byte by byte. */
static void head_expect(const char *text, size_t count, enum head_result wanted)
{
	struct head head = {HEAD_START, false, 0};
	enum head_result result = HEAD_MORE;
	size_t used;

	assert_int_equal(head_take(&head, text, count, &used), wanted);
	if (wanted == HEAD_ENDS)
		assert_int_equal(used, count);
	head = (struct head){HEAD_START, false, 0};
	for (size_t at = 0; at < count && result == HEAD_MORE; at++)
		result = head_take(&head, text + at, 1, &used);
	assert_int_equal(result, wanted);
}

static void test_heads(void **state)
{
	(void)state;
	head_expect(GOOD("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	head_expect(GOOD("\r\n\r\nGET / HTTP/1.1\r\nHost:a\r\nX: \r\n\r\n"));
	head_expect(GOOD("GET / HTTP/1.1\r\nX: a \t b\r\n\r\n"));
	head_expect(GOOD("GET / HTTP/1.1\r\n\r\n"));
	head_expect(OPEN("GET / HTTP/1.1\r\nHost: a\r\n"));
	head_expect(OPEN("\r\n\r\n"));
}

static void test_what_is_read_in_two_ways(void **state)
{
	(void)state;
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\n X: a\r\n\r\n"));
	head_expect(BAD(" GET / HTTP/1.1\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"));
	head_expect(BAD("GET /\0 HTTP/1.1\r\n\r\n"));
	head_expect(BAD("\0"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\r\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\nHost: a\n\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: a\r\n\n"));
	head_expect(BAD("\nGET / HTTP/1.1\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX : a\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\n: a\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: \x01\r\n\r\n"));
	head_expect(BAD("GET / HTTP/1.1\r\nX: \x7f\r\n\r\n"));
}

static void test_the_next_one_is_not_of_this(void **state)
{
	static const char two[] = "GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
	struct head head = {HEAD_START, false, 0};
	size_t used;

	(void)state;
	assert_int_equal(head_take(&head, two, sizeof(two) - 1, &used), HEAD_ENDS);
	assert_int_equal(used, strlen("GET / HTTP/1.1\r\n\r\n"));
	assert_int_equal(head_take(&head, two + used, sizeof(two) - 1 - used, &used), HEAD_ENDS);
}

static void test_its_size_is_bounded(void **state)
{
	struct head head = {HEAD_START, false, 0};
	size_t used, count = 0;

	(void)state;
	while (count <= HEAD_BYTES && head_take(&head, "\r\n", 2, &used) == HEAD_MORE)
		count += used;
	assert_true(count <= HEAD_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_what_is_read_in_two_ways),
		cmocka_unit_test(test_the_next_one_is_not_of_this),
		cmocka_unit_test(test_its_size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
