/* SPDX-License-Identifier: MIT */
/* Which questions and answers of the DNS skerry-proxy takes, and how many a client may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/string.h"
#include "gateway/proxy/body.c"
#include "gateway/proxy/dns.c"
#include "gateway/proxy/parse.c"
#include "gateway/proxy/quota.c"

static uint8_t question[DNS_QUESTION_BYTES], packet[DNS_PACKET_BYTES];
static size_t asked, length;
static struct dns_answer answer;

/* Begins an answer to a question for api.test, of as many records. */
static void begin(unsigned records)
{
	asked = dns_ask(question, 0x1234, "api.test");
	assert_int_equal(asked, 12 + 10 + 4);
	memcpy(packet, question, asked);
	packet[2] = 0x81;
	packet[3] = 0x80;
	packet[7] = (uint8_t)records;
	length = asked;
}

static void append(const void *bytes, size_t count)
{
	memcpy(packet + length, bytes, count);
	length += count;
}

/* Appends a record, whose name and content are bytes of the DNS. */
#define RECORD(name, type, seconds, content)                                                       \
	record(name, sizeof(name) - 1, type, seconds, content, sizeof(content) - 1)

static void record(const char *name, size_t count, uint8_t type, uint32_t seconds,
		   const char *content, size_t size)
{
	const uint8_t head[] = {0,
				type,
				0,
				1,
				(uint8_t)(seconds >> 24),
				(uint8_t)(seconds >> 16),
				(uint8_t)(seconds >> 8),
				(uint8_t)seconds,
				0,
				(uint8_t)size};

	append(name, count);
	append(head, sizeof(head));
	append(content, size);
}

static bool reads(void)
{
	uint8_t *exact = malloc(length ? length : 1); /* so that a byte beyond it is found */
	bool good;

	assert_non_null(exact);
	memcpy(exact, packet, length);
	good = dns_read_answer(&answer, exact, length, question, asked);
	free(exact);
	return good;
}

static void test_answers(void **state)
{
	size_t whole;

	(void)state;
	begin(3);
	RECORD("\xc0\x0c", DNS_CNAME, 60, "\3cdn\xc0\x10"); /* cdn.test */
	RECORD("\3CDN\4TesT\0", DNS_A, 300, "\x09\x09\x09\x0a");
	RECORD("\3cdn\xc0\x10", DNS_A, 90, "\x09\x09\x09\x0b");
	assert_true(reads());
	assert_int_equal(answer.code, DNS_DONE);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.addresses[0], 0x0909090A);
	assert_int_equal(answer.lifetime, 60);
	whole = length;
	for (length = 0; length < whole; length++)
		assert_true(!reads() || answer.count < 2);
	length = whole;
	packet[1] ^= 1; /* another number */
	assert_false(reads());
	packet[1] ^= 1;
	packet[14] ^= 1; /* another name */
	assert_false(reads());
	packet[14] ^= 1;
	packet[2] &= 0x7F; /* a question */
	assert_false(reads());
	packet[2] |= 0x80 | 0x28; /* an answer to another kind of question */
	assert_false(reads());
	packet[2] = 0x83;
	packet[3] = 0x83;
	assert_true(reads());
	assert_true(answer.cut && answer.code == DNS_NO_NAME && !answer.count);
}

/* Addresses of other names, loops of aliases and of pointers, and lifetimes that are none. */
static void test_lies(void **state)
{
	(void)state;
	begin(2);
	RECORD("\4evil\4test\0", DNS_A, 60, "\x09\x09\x09\x0a");
	RECORD("\xc0\x0c", 28, 60, "0123456789abcdef");
	assert_true(reads());
	assert_int_equal(answer.count, 0);
	begin(3);
	RECORD("\xc0\x0c", DNS_CNAME, 60, "\1x\xc0\x0c");
	RECORD("\1x\xc0\x0c", DNS_CNAME, 60, "\xc0\x0c");
	RECORD("\1y\xc0\x0c", DNS_A, 60, "\x09\x09\x09\x0a");
	assert_true(reads());
	assert_int_equal(answer.count, 0);
	begin(1);
	RECORD("\xc0\x1a", DNS_A, 60, "\x09\x09\x09\x0a"); /* a pointer to itself */
	assert_true(reads());
	assert_int_equal(answer.count, 0);
	begin(1);
	RECORD("\xc0\x04", DNS_A, 60, "\x09\x09\x09\x0a"); /* into the header */
	assert_true(reads());
	assert_int_equal(answer.count, 0);
	begin(2);
	RECORD("\xc0\x0c", DNS_A, 0x80000001, "\x09\x09\x09\x0a");
	RECORD("\xc0\x0c", DNS_A, 5, "\x09\x09\x09"); /* of another length than an address */
	assert_true(reads());
	assert_true(answer.count == 1 && answer.lifetime == 0);
	/* A dot within a label makes no other name of it. */
	begin(1);
	RECORD("\x08"
	       "api.test\0",
	       DNS_A, 60, "\x09\x09\x09\x0a");
	assert_true(reads());
	assert_int_equal(answer.count, 0);
	begin(60);
	for (int i = 0; i < 60; i++)
		RECORD("\xc0\x0c", DNS_A, 60, "\x09\x09\x09\x0a");
	assert_true(reads());
	assert_int_equal(answer.count, DNS_ADDRESSES);
}

/* A packet that is no question, and is not answered. */
#define ASKS_NOTHING ((enum dns_code)99)

static enum dns_code asks(const char *bytes, size_t count, struct dns_question *read)
{
	bool answerable;
	enum dns_code code = dns_read_question(read, (const uint8_t *)bytes, count, &answerable);

	return answerable ? code : ASKS_NOTHING;
}

#define HEAD	   "\x12\x34\1\0\0\1\0\0\0\0\0\0"
#define ASKS(text) asks(text, sizeof(text) - 1, &read)

static void test_questions(void **state)
{
	static const uint32_t addresses[DNS_GIVEN] = {0x0909090A};
	struct dns_question read;
	uint8_t bytes[DNS_ANSWER_BYTES];
	char text[255 * 2] = HEAD;
	size_t at = 12;

	(void)state;
	assert_int_equal(ASKS(HEAD "\3ApI\4test\0\0\1\0\1"), DNS_DONE);
	assert_string_equal(read.name, "api.test");
	assert_int_equal(read.type, DNS_A);
	assert_int_equal(dns_answer(bytes, &read, DNS_DONE, addresses, 1, 300), 26 + 16);
	/* The question is repeated with its capitals. */
	assert_memory_equal(bytes + 12, "\3ApI\4test", 9);
	assert_memory_equal(bytes + 26, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x09\x09\x09\x0a", 16);
	assert_int_equal(ASKS(HEAD "\3api\4test\0\0\1\0\3"), DNS_REFUSED);
	assert_int_equal(ASKS(HEAD "\3api\4test\0\0\1\0"), DNS_FORMAT);
	assert_int_equal(ASKS(HEAD "\3a.b\4test\0\0\1\0\1"), DNS_FORMAT);
	assert_int_equal(ASKS(HEAD "\3a\0b\4test\0\0\1\0\1"), DNS_FORMAT);
	assert_int_equal(ASKS(HEAD "\xc0\x0c\0\1\0\1"), DNS_FORMAT);
	assert_int_equal(ASKS(HEAD "\0\0\1\0\1"), DNS_FORMAT);
	assert_int_equal(ASKS("\x12\x34\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1"), DNS_FORMAT);
	assert_int_equal(ASKS("\x12\x34\1\0\0\1\0\1\0\0\0\0\1a\0\0\1\0\1"), DNS_FORMAT);
	assert_int_equal(ASKS("\x12\x34\x29\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), DNS_NO_KIND);
	assert_int_equal(ASKS("\x12\x34\x81\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), ASKS_NOTHING);
	assert_int_equal(ASKS("\x12\x34\1\0\0\1"), ASKS_NOTHING);
	/* What can be done with EDNS is not read. */
	assert_int_equal(ASKS("\x12\x34\1\0\0\1\0\0\0\0\0\1\1a\0\0\1\0\1\0\0\x29"), DNS_DONE);
	/* The longest name, with the most addresses, fits into an answer. */
	for (int i = 0; i < 4; i++) {
		size_t label = i == 3 ? 61 : 63;

		text[at++] = (char)label;
		memset(text + at, 'a', label);
		at += label;
	}
	memcpy(text + at, "\0\0\1\0\1", 5);
	assert_int_equal(asks(text, at + 5, &read), DNS_DONE);
	assert_int_equal(strlen(read.name), 253);
	assert_true(dns_answer(bytes, &read, DNS_DONE, addresses, DNS_GIVEN, 1) <= sizeof(bytes));
	assert_true(dns_ask(bytes, 1, read.name) == DNS_QUESTION_BYTES);
	assert_int_equal(dns_ask(bytes, 1, "a..b"), 0);
}

static void test_quota(void **state)
{
	static struct rules rules = {.questions = 10, .questions_hour = 3};
	int64_t now_ms = 1000000;

	(void)state;
	for (int i = 0; i < 40; i++)
		assert_int_equal(quota_take(&rules, 1, now_ms), QUOTA_GOOD);
	assert_int_equal(quota_take(&rules, 1, now_ms), QUOTA_FIRST_OVER);
	assert_int_equal(quota_take(&rules, 1, now_ms), QUOTA_OVER);
	assert_int_equal(quota_take(&rules, 2, now_ms), QUOTA_GOOD);
	assert_int_equal(quota_take(&rules, 1, now_ms + 100), QUOTA_GOOD);
	assert_int_equal(quota_take(&rules, 1, now_ms + 100), QUOTA_OVER);
	for (int i = 0; i < 3; i++)
		assert_int_equal(quota_take_hour(&rules, 1, now_ms), QUOTA_GOOD);
	assert_int_equal(quota_take_hour(&rules, 1, now_ms), QUOTA_FIRST_OVER);
	assert_int_equal(quota_take_hour(&rules, 1, now_ms), QUOTA_OVER);
	assert_int_equal(quota_take_hour(&rules, 2, now_ms), QUOTA_GOOD);
	assert_int_equal(quota_take_hour(&rules, 1, now_ms + QUOTA_HOUR_MS), QUOTA_GOOD);
	/* Many new clients take the place of whoever has been silent for longest. */
	for (uint32_t i = 3; i <= QUOTA_CLIENTS + 1; i++)
		assert_int_equal(quota_take(&rules, i, now_ms + 200), QUOTA_GOOD);
	assert_int_equal(quota_find(1, now_ms + 200)->credit_ms, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_quota),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
