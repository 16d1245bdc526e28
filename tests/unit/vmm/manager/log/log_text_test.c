/* SPDX-License-Identifier: MIT */
/* The log's entries as text: stamps of both clocks, and the chain of the audit's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/log/log_text.c"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/date.h"
#include "vmm/rt/format.h"

static struct log_line line = {
	.sequence = 7,
	.time_ns = 61234567890,
	.cpu = 2,
	.level = LOG_INFO,
	.category = LOG_AUDIT,
	.vm = {"alpha", 5},
	.text = {"console: vm start alpha", 23},
};

static void expect(u32 with, const char *text)
{
	char buffer[LOG_LINE_TEXT_BYTES];
	size_t length = log_line_text(&line, with, buffer, sizeof(buffer));

	assert_string_equal(buffer, text);
	assert_int_equal(length, strlen(text));
}

static void expect_json(const char *clock)
{
	char buffer[LOG_LINE_JSON_BYTES];
	char wanted[LOG_LINE_JSON_BYTES];
	size_t length = log_line_json(&line, buffer, sizeof(buffer));

	format(wanted, sizeof(wanted),
	       "{\"time_ns\":61234567890,\"unix_ms\":%s,\"cpu\":2,\"level\":\"info\","
	       "\"category\":\"audit\",\"vm\":\"alpha\",\"text\":\"console: vm start alpha\","
	       "\"sequence\":7}",
	       clock);
	assert_int_equal(length, strlen(wanted));
	assert_memory_equal(buffer, wanted, length);
}

static void test_machine_time(void **state)
{
	(void)state;
	expect(0, "[   61.234567] 2 info    audit   alpha: console: vm start alpha\n");
	/* a machine without a clock */
	expect(LOG_WITH_WALL, "[   61.234567] 2 info    audit   alpha: console: vm start alpha\n");
	expect_json("null");
}

/* The line's time may be the second of a leap day, and is counted from the start. */
static void test_wall_time(void **state)
{
	(void)state;
	log_text_start(1709251198000000000); /* 2024-02-29 23:59:58 UTC */
	expect(0, "[   61.234567] 2 info    audit   alpha: console: vm start alpha\n");
	expect(LOG_WITH_WALL, "[   61.234567 2024-03-01T00:00:59Z] 2 info    audit   alpha: "
			      "console: vm start alpha\n");
	expect_json("1709251259234");
	log_text_start(0);
}

/* The hash is in what is exported, and in JSON. */
static void test_chain(void **state)
{
	static const u8 chain[LOG_CHAIN_BYTES] = {0x9f, [30] = 0x0a, [31] = 0x08};
	char wanted[2 * LOG_CHAIN_BYTES + 1] = "9f";
	char buffer[LOG_LINE_JSON_BYTES];
	char text[LOG_LINE_TEXT_BYTES];

	(void)state;
	memset(wanted + 2, '0', sizeof(wanted) - 3);
	memcpy(wanted + sizeof(wanted) - 5, "0a08", 4);
	line.chain = chain;
	expect(0, "[   61.234567] 2 info    audit   alpha: console: vm start alpha\n");
	format(text, sizeof(text),
	       "[   61.234567] 2 info    audit   alpha: console: vm start alpha chain=%s\n",
	       wanted);
	expect(LOG_WITH_CHAIN, text);
	buffer[log_line_json(&line, buffer, sizeof(buffer))] = '\0';
	format(text, sizeof(text), "\"sequence\":7,\"chain\":\"%s\"}", wanted);
	assert_non_null(strstr(buffer, text));
	line.chain = NULL;
	expect(LOG_WITH_CHAIN, "[   61.234567] 2 info    audit   alpha: console: vm start alpha\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine_time),
		cmocka_unit_test(test_wall_time),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
