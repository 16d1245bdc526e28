/* SPDX-License-Identifier: MIT */
/* What web's gate lets through to the HTTP server, and how long it waits; without a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/web/gate.c"
#include "gateway/base/head.c"

#define HEAD "POST /v1/x HTTP/1.1\r\nHost: a\r\n\r\n"
enum { HEAD_LENGTH = sizeof(HEAD) - 1 };

static void test_one_request_after_the_other(void **state)
{
	static const char text[] = HEAD "12345" HEAD;
	struct gate gate;
	size_t at;

	(void)state;
	gate_start(&gate, 1);
	assert_true(gate_idle(&gate));
	at = gate_pass(&gate, text, sizeof(text) - 1, 1);
	assert_int_equal(at, HEAD_LENGTH);
	/* No byte passes before the server has said what follows. */
	assert_int_equal(gate_pass(&gate, text + at, sizeof(text) - 1 - at, 1), 0);
	gate_request(&gate, 5, 1);
	assert_int_equal(gate_pass(&gate, text + at, 3, 1), 3);
	assert_int_equal(gate_pass(&gate, text + at + 3, sizeof(text) - 4 - at, 1), 2);
	assert_int_equal(gate_pass(&gate, text + at + 5, HEAD_LENGTH, 1), 0);
	gate_complete(&gate);
	assert_false(gate_idle(&gate));
	gate_answered(&gate, true, 1);
	assert_int_equal(gate_pass(&gate, text + at + 5, HEAD_LENGTH, 1), HEAD_LENGTH);
	assert_false(gate.bad);
}

static void test_a_body_is_no_head(void **state)
{
	static const char body[] = "{\n  \"name\":\n \"x\"}\n";
	struct gate gate;

	(void)state;
	gate_start(&gate, 1);
	gate_pass(&gate, HEAD, HEAD_LENGTH, 1);
	gate_request(&gate, sizeof(body) - 1, 1);
	assert_int_equal(gate_pass(&gate, body, sizeof(body) - 1, 1), sizeof(body) - 1);
	/*
	 * A request was answered before all of its body was there: nothing of the rest is taken for
	 * a head.
	 */
	gate_start(&gate, 1);
	gate_pass(&gate, HEAD, HEAD_LENGTH, 1);
	gate_request(&gate, 100, 1);
	gate_answered(&gate, true, 1);
	assert_int_equal(gate_pass(&gate, body, sizeof(body) - 1, 1), 0);
	assert_false(gate.bad);
	/* Nothing passes behind a head that the server has refused. */
	gate_start(&gate, 1);
	gate_pass(&gate, HEAD, HEAD_LENGTH, 1);
	gate_shut(&gate);
	gate_answered(&gate, true, 1);
	assert_int_equal(gate_pass(&gate, body, sizeof(body) - 1, 1), 0);
	assert_false(gate.bad);
}

static void test_a_bad_head_ends_it(void **state)
{
	static const char folded[] = "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n";
	struct gate gate;

	(void)state;
	gate_start(&gate, 1);
	assert_int_equal(gate_pass(&gate, folded, sizeof(folded) - 1, 1), 0);
	assert_true(gate.bad);
	assert_int_equal(gate_pass(&gate, HEAD, HEAD_LENGTH, 1), 0);
}

/* One byte now and then makes no client's limit longer. */
static void test_slow_heads_have_a_limit(void **state)
{
	struct gate gate;

	(void)state;
	gate_start(&gate, 1000);
	for (int64_t at = 0; at < 10; at++)
		gate_pass(&gate, HEAD + at, 1, 1000 + at * 1000);
	assert_int_equal(gate.until_ms, 1000 + GATE_HEAD_MS);
	gate_pass(&gate, HEAD + 10, HEAD_LENGTH - 10, 10900);
	assert_int_equal(gate.until_ms, 1000 + GATE_HEAD_MS);
	gate_request(&gate, 10, 11000);
	assert_int_equal(gate.until_ms, 11000 + GATE_BODY_MS);
	gate_pass(&gate, "1234567890", 10, 11000);
	gate_complete(&gate);
	assert_int_equal(gate.until_ms, 0);
	/* Clients with a credential may rest between two requests, but not within a head. */
	gate_answered(&gate, true, 12000);
	assert_int_equal(gate.until_ms, 0);
	gate_pass(&gate, HEAD, 1, 50000);
	assert_int_equal(gate.until_ms, 50000 + GATE_HEAD_MS);
	gate_pass(&gate, HEAD + 1, HEAD_LENGTH - 1, 50001);
	gate_request(&gate, 0, 50002);
	assert_int_equal(gate.until_ms, 0);
	gate_answered(&gate, false, 60000);
	assert_int_equal(gate.until_ms, 60000 + GATE_HEAD_MS);
	/* No client holds a place by not reading an answer. */
	gate_pass(&gate, HEAD, HEAD_LENGTH, 60001);
	gate_request(&gate, 0, 60002);
	gate_answers(&gate, false, 61000);
	assert_int_equal(gate.until_ms, 61000 + GATE_ANSWER_MS);
	gate_answers(&gate, true, 62000);
	assert_int_equal(gate.until_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_request_after_the_other),
		cmocka_unit_test(test_a_body_is_no_head),
		cmocka_unit_test(test_a_bad_head_ends_it),
		cmocka_unit_test(test_slow_heads_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
