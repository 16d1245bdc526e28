/* SPDX-License-Identifier: MIT */
/* What sendmail gets, what its end means, and that its time is limited; a script stands in for it.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/dns_name.c"
#include "gateway/base/mail_address.c"
#include "gateway/base/string.h"
#include "gateway/mail/mail_compose.c"

/* The limit of the code, which one test shortens. */
static int64_t limit_ms = MAIL_LIMIT_MS;
#define MAIL_LIMIT_MS limit_ms
#include "gateway/mail/mail_send.c"
#undef MAIL_LIMIT_MS

/* The time in which a script is sure to have done two lines, and in which what is killed ends. */
enum { BEGINS_MS = 3000, ENDS_MS = 20000 };

static char folder[64], program[80];

static const struct mail_message plain = {
	.number = "00ff",
	.from = "skerry@a.example",
	.to = "ops@b.example",
	.subject = "It is so",
	.body = "First\n.\nlast\n",
	.time = 1800000000,
};

/* Sends a message to a script; `lines` may name the folder as "$D". */
static struct delivery_result sent(const char *lines)
{
	struct delivery_result result;
	FILE *file = fopen(program, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nD=%s\n%s\n", folder, lines);
	fclose(file);
	assert_int_equal(chmod(program, 0700), 0);
	mail_send(program, &plain, &result);
	return result;
}

/* Returns what a file of the folder has; valid until the next call. */
static const char *content(const char *name)
{
	static char text[8192];
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		return "";
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

static void test_what_it_gets(void **state)
{
	int leak = open("/dev/null", O_RDONLY); /* not O_CLOEXEC */
	struct delivery_result result;

	(void)state;
	setenv("SKERRY_SECRET", "x", 1);
	result = sent("printf '%s|' \"$@\" >$D/words; cat >$D/text; env >$D/environment; "
		      "ls /proc/self/fd | wc -l >$D/count; pwd >$D/place");
	assert_int_equal(result.status, DELIVERY_TAKEN);
	assert_string_equal(content("words"), "-i|-f|skerry@a.example|--|ops@b.example|");
	assert_non_null(strstr(content("text"), "\nSubject: It is so\n"));
	assert_non_null(strstr(content("text"), "\n\nFirst\n.\nlast\n"));
	assert_null(strstr(content("environment"), "SECRET"));
	/* stdin, stdout, stderr, and the folder that ls reads */
	assert_int_equal(atoi(content("count")), 4);
	assert_string_equal(content("place"), "/\n");
	close(leak);
}

static void test_what_its_end_means(void **state)
{
	struct delivery_result result = sent("exit 75");

	(void)state;
	assert_int_equal(result.status, DELIVERY_FAILED);
	assert_string_equal(result.text, "sendmail has ended with 75");
	assert_int_equal(sent("exit 67").status, DELIVERY_REFUSED);
	assert_int_equal(sent("exit 64").status, DELIVERY_REFUSED);
	assert_int_equal(sent("exit 1").status, DELIVERY_FAILED);
	result = sent("kill -9 $$");
	assert_int_equal(result.status, DELIVERY_FAILED);
	assert_string_equal(result.text, "sendmail has ended by signal 9");
	/* One that does not read, and one that says much, delay nobody. */
	assert_int_equal(sent("exit 0").status, DELIVERY_TAKEN);
	assert_int_equal(sent("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2").status,
			 DELIVERY_TAKEN);
	mail_send("/nowhere/sendmail", &plain, &result);
	assert_int_equal(result.status, DELIVERY_FAILED);
	assert_string_equal(result.text, "the program of --sendmail cannot be started");
}

static void test_its_time_is_limited(void **state)
{
	int64_t began_ms = clock_ms();
	struct delivery_result result;
	char path[128];

	(void)state;
	limit_ms = BEGINS_MS;
	result = sent("sleep 100 & echo $! >$D/child; echo $$ >$D/own; wait");
	limit_ms = MAIL_LIMIT_MS;
	assert_int_equal(result.status, DELIVERY_FAILED);
	assert_string_equal(result.text, "sendmail has not taken it in a minute");
	assert_true(clock_ms() - began_ms < BEGINS_MS + ENDS_MS);
	/* What it has started ends with it. It may be a zombie of the test's for a moment. */
	for (unsigned i = 0; i < 2; i++) {
		pid_t pid = atoi(content(i ? "own" : "child"));
		bool there = true;

		assert_true(pid > 1);
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		for (unsigned tries = 0; there && tries < ENDS_MS; tries++) {
			char byte;
			int fd = open(path, O_RDONLY);

			there = fd >= 0 && read(fd, &byte, 1) == 1;
			if (fd >= 0)
				close(fd);
			if (there)
				usleep(1000);
		}
		assert_false(there);
	}
}

static void test_a_message_that_must_not_be_sent(void **state)
{
	struct mail_message message = plain;
	struct delivery_result result;

	(void)state;
	message.subject = "a\nBcc: all@b.example";
	mail_send(program, &message, &result);
	assert_int_equal(result.status, DELIVERY_REFUSED);
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/mail-test-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(program, sizeof(program), "%s/sendmail", folder);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_gets),
		cmocka_unit_test(test_what_its_end_means),
		cmocka_unit_test(test_its_time_is_limited),
		cmocka_unit_test(test_a_message_that_must_not_be_sent),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
