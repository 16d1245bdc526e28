/* SPDX-License-Identifier: MIT */
/* Volumes of runs: what a request may say of one, and who may give it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/core/api/run_volume.c"
#include "gateway/core/common/name.c"

static struct run_asked asked;
static unsigned status;
static char noted[200]; /* the line of the audit */
static bool audit_fails;

void api_run_word(struct buffer *words, char kind, const char *name, const char *value)
{
	buffer_add(words, &kind, 1);
	buffer_text(words, name);
	buffer_add(words, value, strlen(value) + 1);
}

void answer_problem(struct request *request, unsigned code, const char *word, const char *format,
		    ...)
{
	(void)request, (void)word, (void)format;
	status = code;
}

uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result)
{
	snprintf(noted, sizeof(noted), "%s %s %s %s %s", who, action, target, from,
		 result ? result : "begun");
	return audit_fails ? 0 : 7;
}

void request_actor(const struct request *request, char *text, size_t size)
{
	(void)request;
	snprintf(text, size, "alice");
}

const char *request_address(const struct request *request)
{
	(void)request;
	return "10.0.0.1";
}

/* Reads what a request says; returns whether it is right. */
static bool take(const char *text)
{
	buffer_free(&asked.order.words);
	asked = (struct run_asked){.wrong = NULL};
	api_run_take_volume(&asked, text);
	return !asked.wrong;
}

static void test_right(void **state)
{
	char longest[2 * 31 + 1 + 1 + 255 + 4] = "", store[32], path[256];

	(void)state;
	assert_true(take("pool/home:/data"));
	assert_string_equal(asked.order.volume, "pool/home");
	assert_string_equal(asked.order.words.bytes, "v/data");
	assert_int_equal(asked.order.words.count, sizeof("v/data"));
	assert_true(take("pool/home:/data:ro"));
	assert_string_equal(asked.order.volume, "pool/home:ro");
	assert_string_equal(asked.order.words.bytes, "r/data");
	assert_true(take("a/b:/ro"));
	assert_string_equal(asked.order.volume, "a/b");
	memset(store, 'x', 31);
	store[31] = 0;
	memset(path, 'y', 255);
	path[0] = '/';
	path[255] = 0;
	snprintf(longest, sizeof(longest), "%s/%s:%s:ro", store, store, path);
	assert_true(take(longest));
	assert_int_equal(strlen(asked.order.volume), RUN_VOLUME);
	assert_string_equal(asked.order.words.bytes + 1, path);
	/* one is all that a run has */
	api_run_take_volume(&asked, "pool/home:/data");
	assert_non_null(asked.wrong);
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"",
		":",
		"::",
		"pool/home",
		"pool/home:",
		":/data",
		"/:/data",
		"home:/data",
		"pool/:/data",
		"/home:/data",
		"a/b/c:/d",
		"pool/home:data",
		"pool/home:/",
		"pool/home::ro",
		"pool/home:/:ro",
		"a/b:/c:",
		"a/b:/c:rw",
		"a/b:/c:ro:ro",
		"a/b:/c:ro ",
		"a/b:ro:/c",
		"a/ b:/c",
		"a/b :/c",
		"a /b:/c",
		"a/b ro:/c",
		"a/b,c/d:/e",
		"a/b\n:/c",
		"a/b=c:/d",
		"a/\xc3\xa4:/c",
		"a/-b:/c",
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (take(wrong[i]))
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_string_equal(asked.order.volume, "");
		assert_int_equal(asked.order.words.count, 0);
	}
	/* each of its three parts a byte too long */
	snprintf(text, sizeof(text), "%0*d/b:/c", 32, 0);
	assert_false(take(text));
	snprintf(text, sizeof(text), "a/%0*d:/c", 32, 0);
	assert_false(take(text));
	snprintf(text, sizeof(text), "a/b:/%0*d", 255, 0);
	assert_false(take(text));
	snprintf(text, sizeof(text), "a/b:/%0*d:ro", 255, 0);
	assert_false(take(text));
	snprintf(text, sizeof(text), "%0*d:/c", 300, 0);
	assert_false(take(text));
}

/* Who has no right to a volume leaves no line that says that it was to be given. */
static void test_rights(void **state)
{
	static const struct {
		const char *scope;
		unsigned roles, status;
	} cases[] = {
		{"*", ROLE_OPERATOR, 403}, {"*", ROLE_VIEWER | ROLE_OPERATOR | ROLE_CONTENT, 403},
		{"vm*", ROLE_ADMIN, 403},  {"", ROLE_ADMIN, 403},
		{"**", ROLE_ADMIN, 403},   {"*", ROLE_ADMIN, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct request request = {.who.roles = cases[i].roles};

		assert_true(take("pool/home:/data:ro"));
		string_copy(request.who.scope, sizeof(request.who.scope), cases[i].scope);
		status = 0;
		noted[0] = 0;
		audit_fails = false;
		assert_int_equal(api_run_volume_may(&request, &asked.order), !cases[i].status);
		assert_int_equal(status, cases[i].status);
		assert_int_equal(asked.order.volume_audit, cases[i].status ? 0 : 7);
		assert_string_equal(
			noted, cases[i].status ? "" : "alice run.volume pool/home 10.0.0.1 begun");
		/* without a volume anybody goes on, and so does nobody whom no line names */
		audit_fails = true;
		assert_false(api_run_volume_may(&request, &asked.order));
		assert_int_equal(asked.order.volume_audit, 0);
		asked.order.volume[0] = 0;
		assert_true(api_run_volume_may(&request, &asked.order));
	}
	assert_int_equal(status, 503);
	buffer_free(&asked.order.words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
