/* SPDX-License-Identifier: MIT */
/* Which requests and answers skerry-proxy takes, and how it reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/head.c"
#include "gateway/proxy/body.c"
#include "gateway/proxy/parse.c"

static char text[2048];
static struct parse_head head;
static struct parse_request request;
static struct parse_answer answer;

/* Parses a head as a connection does. Returns what is wrong with it. */
static const char *parsed(const char *wanted)
{
	struct head checked = {HEAD_START, false, 0};
	size_t used;

	string_copy(text, sizeof(text), wanted);
	if (head_take(&checked, text, strlen(text), &used) != HEAD_ENDS)
		return "the bytes are no head";
	return parse_head(&head, text, used);
}

static const char *asked(const char *wanted)
{
	const char *wrong = parsed(wanted);

	return wrong ? wrong : parse_request(&request, &head);
}

static const char *answered(const char *wanted, const char *method)
{
	const char *wrong = parsed(wanted);

	return wrong ? wrong : parse_answer(&answer, &head, method);
}

#define HOST "Host: api.test\r\n"

static void test_requests(void **state)
{
	(void)state;
	assert_null(asked("GET http://API.test/v1/a?b=c HTTP/1.1\r\n" HOST "\r\n"));
	assert_string_equal(request.host, "api.test");
	assert_string_equal(request.target, "/v1/a?b=c");
	assert_int_equal(request.path, 5);
	assert_int_equal(request.port, 0);
	assert_int_equal(request.kind, BODY_NONE);
	assert_null(asked("GET http://api.test HTTP/1.1\r\nhOST:api.test:80 \r\n\r\n"));
	assert_string_equal(request.target, "/");
	assert_null(asked("GET https://api.test:443/ HTTP/1.1\r\n" HOST "\r\n"));
	assert_int_equal(request.port, 0);
	assert_null(asked("GET http://api.test:8443/ HTTP/1.1\r\nHost: api.test:8443\r\n\r\n"));
	assert_int_equal(request.port, 8443);
	assert_null(asked("POST http://api.test/ HTTP/1.1\r\n" HOST
			  "Content-Length: 12\r\nExpect: 100-continue\r\n"
			  "Connection: a, close\r\n\r\n"));
	assert_true(request.expects && request.close && request.length == 12);
	assert_null(asked("CONNECT api.test:443 HTTP/1.0\r\n\r\n"));
	assert_true(request.tunnel && request.port == 443);
	assert_null(asked("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test\r\n\r\n"));
}

/* What another server could read in another way, or that is no request to a proxy. */
static void test_requests_refused(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n" HOST "\r\n",
		"GET http:///x HTTP/1.1\r\n" HOST "\r\n",
		"GET http://me@api.test/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test:80:90/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test:0/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test:65536/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api..test/ HTTP/1.1\r\nHost: api..test\r\n\r\n",
		"GET http://[::1]/ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
		"GET http://api.test/#a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test\\@evil.test/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test?x HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test/\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
		"GET ftp://api.test/ HTTP/1.1\r\n" HOST "\r\n",
		"GET  http://api.test/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test/ HTTP/1.1 \r\n" HOST "\r\n",
		"GET http://api.test/ HTTP/1.0\r\n" HOST "\r\n",
		"GET http://api.test/ HTTP/2.0\r\n" HOST "\r\n",
		"G(T http://api.test/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test/ HTTP/1.1\r\n\r\n",
		"GET http://api.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
		"GET http://api.test/ HTTP/1.1\r\nHost: api.test:8443\r\n\r\n",
		"GET http://api.test:8443/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://api.test/ HTTP/1.1\r\n" HOST HOST "\r\n",
		"GET http://api.test/ HTTP/1.1\r\n" HOST "A B: c\r\n\r\n",
		"GET http://api.test/ HTTP/1.1\r\n" HOST "A\x80: c\r\n\r\n",
		"GET http://api.test/ HTTP/1.1\r\n" HOST "Expect: much\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST
		"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST
		"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Content_Length: 1\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Content.Length: 1\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Transfer+Encoding: chunked\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST
		"Content-Length: 18446744073709551617\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST
		"Transfer-Encoding: gzip, chunked\r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, \r\n\r\n",
		"POST http://api.test/ HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n",
		"CONNECT api.test HTTP/1.1\r\n" HOST "\r\n",
		"CONNECT http://api.test:443/ HTTP/1.1\r\n" HOST "\r\n",
		"CONNECT api.test:443 HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (!asked(bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_answers(void **state)
{
	(void)state;
	assert_null(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "GET"));
	assert_true(answer.status == 200 && answer.kind == BODY_LENGTH && answer.length == 3);
	assert_null(answered("HTTP/1.0 404\r\n\r\n", "GET"));
	assert_int_equal(answer.kind, BODY_CLOSE);
	assert_null(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD"));
	assert_true(answer.kind == BODY_NONE && answer.has_length);
	assert_null(answered("HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", "GET"));
	assert_true(answer.kind == BODY_NONE && !answer.has_length);
	assert_null(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"));
	assert_int_equal(answer.kind, BODY_CHUNKED);
	assert_non_null(answered("HTTP/2 200 OK\r\n\r\n", "GET"));
	assert_non_null(answered("HTTP/1.1 2000 OK\r\n\r\n", "GET"));
	assert_non_null(answered("HTTP/1.1 099 OK\r\n\r\n", "GET"));
	assert_non_null(answered("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
				 "Transfer-Encoding: chunked\r\n\r\n",
				 "GET"));
}

static void test_headers(void **state)
{
	(void)state;
	assert_null(parsed("GET / HTTP/1.1\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\n\r\n"));
	assert_true(parse_is_hop(&head, "x-mine"));
	assert_true(parse_is_hop(&head, "Proxy-Authorization"));
	assert_true(parse_is_hop(&head, "Keep_Alive"));
	assert_false(parse_is_hop(&head, "X-Yours"));
	assert_true(parse_is_same("X_Api_Key", "x-api-key"));
	assert_true(parse_is_same("X.API+Key", "x-api-key"));
	assert_false(parse_is_same("x-api-ke", "x-api-key"));
	assert_true(parse_begins("X.Forwarded_Server", "x-forwarded-"));
	assert_false(parse_begins("X-Forwarded", "x-forwarded-"));
	assert_false(parse_is_same("X-Api-Key2", "x-api-key"));
	assert_false(parse_is_same("X-Api", "x-api-key"));
}

/* Feeds a body in pieces of `step`. Returns how many bytes were used; the content is in `got`. */
static size_t fed(struct body *body, const char *bytes, size_t step, char *got)
{
	size_t length = strlen(bytes), at = 0, all = 0;

	while (at < length && body->state != BODY_ENDED && body->state != BODY_BAD) {
		size_t piece = length - at < step ? length - at : step, count;

		at += body_take(body, bytes + at, piece, got + all, 3, &count);
		all += count;
	}
	got[all] = 0;
	return at;
}

static void test_bodies(void **state)
{
	static const char chunked[] = "5\r\nhello\r\n00A;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET";
	static const char *const bad[] = {
		"\r\n",
		"x\r\n",
		"5 \r\nhello\r\n",
		"5\nhello",
		"5\r\nhello6\r\n",
		"-5\r\n",
		"0x5\r\nhello\r\n",
		"1234567890123456\r\n",
		"0\r\nT: v\n\r\n",
		"0\r\n\rX",
		"5;\n\r\nhello",
	};
	char got[128];
	struct body body;

	(void)state;
	for (size_t step = 1; step < sizeof(chunked); step++) {
		body_start(&body, BODY_CHUNKED, 0);
		assert_int_equal(fed(&body, chunked, step, got), sizeof(chunked) - 4);
		assert_int_equal(body.state, BODY_ENDED);
		assert_string_equal(got, "hello0123456789");
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		body_start(&body, BODY_CHUNKED, 0);
		fed(&body, bad[i], 1, got);
		if (body.state != BODY_BAD)
			fail_msg("taken: %s", bad[i]);
	}
	body_start(&body, BODY_LENGTH, 4);
	assert_int_equal(fed(&body, "abcdef", 6, got), 4);
	assert_string_equal(got, "abcd");
	assert_true(body_eof(&body));
	body_start(&body, BODY_LENGTH, 4);
	assert_false(body_eof(&body));
	body_start(&body, BODY_CLOSE, 0);
	assert_int_equal(fed(&body, "abcdef", 6, got), 6);
	assert_true(body_eof(&body));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_requests_refused),
		cmocka_unit_test(test_answers),	 cmocka_unit_test(test_headers),
		cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
