/* SPDX-License-Identifier: MIT */
/* What Skerry is asked for a restore, which loses what the disk holds: nothing that is not meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"
#include "gateway/base/string.h"
#include "gateway/core/api/backup.c"
#include "gateway/core/common/name.c"
#include "gateway/core/http/request.c"
#include "gateway/web/flatten.c"

struct host host;
const char *const role_names[ROLE_COUNT];
static char asked[300]; /* the words for Skerry */
static unsigned status;

bool operation_start(struct request *request, enum operation_kind kind, const char *command,
		     const char *const *words, const char *target, const char *wanted,
		     unsigned success, unsigned wait_s)
{
	(void)request, (void)kind, (void)target, (void)wanted, (void)wait_s;
	snprintf(asked, sizeof(asked), "%s", command);
	for (; *words; words++)
		snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), " %s", *words);
	status = success;
	return true;
}

void answer_problem(struct request *request, unsigned code, const char *word, const char *format,
		    ...)
{
	(void)request, (void)word, (void)format;
	status = code;
}

void ask_skerry(struct request *request, const char *command, const char *const *words,
		const char *actor, link_reply *took)
{
	(void)request, (void)command, (void)words, (void)actor, (void)took;
	fail();
}

struct request *ask_took(uint64_t id, json_t *reply, json_t **rows)
{
	(void)id, (void)reply, (void)rows;
	return NULL;
}

void ask_took_rows(uint64_t id, json_t *reply, const char *const *keys)
{
	(void)id, (void)reply, (void)keys;
}

bool volume_is_own(json_t *rows, const char *name)
{
	(void)rows, (void)name;
	return false;
}

void audit_end(uint64_t line, const char *result)
{
	(void)line, (void)result;
}

void identity_actor(const struct identity *identity, char *actor, size_t room)
{
	(void)identity;
	string_copy(actor, room, "");
}

void idempotency_forget(struct request *request)
{
	(void)request;
}

/* Asks for a restore with that body, and returns the words that Skerry got; "" for none. */
static const char *restore(const char *body, unsigned code)
{
	static struct request request;
	struct buffer fields = {0};

	asked[0] = 0;
	status = 0;
	assert_true(flatten(body, strlen(body), &fields));
	assert_true(fields_read(&request.fields, fields.bytes, fields.count));
	request.who.roles = ROLE_ADMIN | ROLE_CONTENT;
	api_disk_restore(&request);
	buffer_free(&fields);
	assert_int_equal(status, code);
	return asked;
}

static void test_what_is_asked(void **state)
{
	(void)state;
	assert_string_equal(restore("{\"disk\":\"a\",\"from\":\"b,c\"}", 200),
			    "disk restore a b c");
	assert_string_equal(restore("{\"disk\":\"s/v\",\"from\":\"b\"}", 200),
			    "disk restore s/v b");
	assert_string_equal(restore("{\"disk\":\"s/v\"}", 200), "disk restore s/v");
	assert_string_equal(restore("{\"disk\":\"s/v\",\"at\":\"20251129191604\"}", 200),
			    "disk restore s/v at=20251129191604");
}

static void test_what_is_refused(void **state)
{
	static const char *const bodies[] = {
		"{\"disk\":\"a\"}",
		"{\"disk\":\"a\",\"at\":\"20251129191604\"}",
		"{\"disk\":\"s/v\",\"from\":\"\"}",
		"{\"disk\":\"s/v\",\"from\":\"at=20251129191604\"}",
		"{\"disk\":\"s/v\",\"from\":\"b\",\"at\":\"20251129191604\"}",
		"{\"disk\":\"s/v\",\"at\":\"\"}",
		"{\"disk\":\"s/v\",\"at\":\"2025112919160\"}",
		"{\"disk\":\"s/web:s:v@20251129191604.0\"}",
		/* of a wrong type, and so no text */
		"{\"disk\":\"s/v\",\"at\":20251129191604}",
		"{\"disk\":\"s/v\",\"at\":null}",
		"{\"disk\":\"s/v\",\"at\":[\"20251129191604\"]}",
		"{\"disk\":\"s/v\",\"from\":null}",
		"{\"disk\":\"s/v\",\"from\":[\"b\",\"c\"]}",
		"{\"disk\":\"s/v\",\"from\":{\"full\":\"b\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
		assert_string_equal(restore(bodies[i], 422), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
