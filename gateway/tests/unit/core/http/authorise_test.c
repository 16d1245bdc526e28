/* SPDX-License-Identifier: MIT */
/* Who may give a VM what reaches beyond it: volumes, backups, a machine channel, another medium. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/fields.c"
#include "gateway/core/http/authorise.c"
#include "gateway/core/identity/scope.c"
#include "gateway/web/flatten.c"

enum { ADMIN = ROLE_ADMIN | ROLE_OPERATOR | ROLE_VIEWER, OPERATOR = ROLE_OPERATOR | ROLE_VIEWER };

static const struct route change = {.method = "PATCH",
				    .path = "/v1/vms/{vm}",
				    .role = ROLE_OPERATOR,
				    .scope = SCOPE_VM,
				    .flags = ROUTE_KEYS};
static const struct route create = {
	.method = "POST", .path = "/v1/vms", .role = ROLE_ADMIN, .scope = SCOPE_NEW};
static const struct route insert = {.method = "POST",
				    .path = "/v1/vms/{vm}/actions/insert",
				    .role = ROLE_OPERATOR,
				    .scope = SCOPE_VM,
				    .flags = ROUTE_KEYS};

struct host host;
static struct host_vm machine = {.name = "ci-web"};
static unsigned status;

struct host_vm *host_find(const char *name)
{
	return !strcmp(name, machine.name) ? &machine : NULL;
}

const char *request_text(const struct request *request, const char *name)
{
	const struct field *field = fields_below(&request->fields, "body", name);

	return field && field->type == FIELD_TEXT ? field->value : NULL;
}

void answer_problem(struct request *request, unsigned code, const char *word, const char *format,
		    ...)
{
	(void)request, (void)word, (void)format;
	status = code;
}

/* Returns 0 if the request is allowed, else the status of its answer. */
static unsigned ask(const struct route *route, unsigned roles, const char *scope, const char *body)
{
	static struct request request;
	struct buffer fields = {0};
	bool allowed;

	request = (struct request){.route = route, .who.roles = roles};
	snprintf(request.who.scope, sizeof(request.who.scope), "%s", scope);
	if (route->scope == SCOPE_VM)
		snprintf(request.vm, sizeof(request.vm), "%s", machine.name);
	assert_true(flatten(body, strlen(body), &fields));
	assert_true(fields_read(&request.fields, fields.bytes, fields.count));
	status = 0;
	allowed = authorise(&request);
	assert_int_equal(allowed, status == 0);
	buffer_free(&fields);
	return status;
}

static void test_what_is_the_host_s_needs_the_scope_of_all(void **state)
{
	static const char *const bodies[] = {
		"{\"name\":\"ci-new\",\"config\":{\"disk\":\"data, pool/web ro\"}}",
		"{\"name\":\"ci-new\",\"config\":{\"disk\":\"data\"},\"config.disk\":\"pool/web\"}",
		"{\"name\":\"ci-new\",\"config\":{\"backup\":\"pool daily\"}}",
		"{\"name\":\"ci-new\",\"config\":{\"port\":\"skerry\",\"channel\":\"skerry\"}}",
		"{\"name\":\"ci-new\",\"config\":{\"port\":\"skerry\"},\"config.channel\":"
		"\"skerry\"}",
		"{\"name\":\"ci-new\",\"config\":{\"channel\":{}}}",
		"{\"name\":\"ci-new\",\"config\":{\"window\":\"fuzz 64K\"}}",
		"{\"name\":\"ci-new\",\"config\":{},\"config.window\":\"fuzz 64K\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		assert_int_equal(ask(&create, ADMIN, "ci-*", bodies[i]), 403);
		assert_int_equal(ask(&change, ADMIN, "ci-*", bodies[i]), 403);
		assert_int_equal(ask(&change, OPERATOR, "*", bodies[i]), 403);
		assert_int_equal(ask(&create, ADMIN, "*", bodies[i]), 0);
		assert_int_equal(ask(&change, ADMIN, "*", bodies[i]), 0);
	}
}

static void test_another_medium_is_for_admins(void **state)
{
	static const char *const others[] = {"{\"medium\":\"data\"}", "{\"medium\":null}",
					     "{\"medium\":{\"a\":1}}", "{\"medium\":[\"a\"]}",
					     "{\"disk\":\"a\",\"medium\":7}"};

	(void)state;
	assert_int_equal(ask(&insert, OPERATOR, "ci-*", "{\"disk\":\"data\"}"), 0);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		assert_int_equal(ask(&insert, OPERATOR, "*", others[i]), 403);
		assert_int_equal(ask(&insert, ADMIN, "ci-*", others[i]), 0);
	}
	assert_int_equal(ask(&insert, ADMIN, "ci-*", "{\"medium\":\"pool/image\"}"), 403);
	assert_int_equal(ask(&insert, ADMIN, "web-*", "{\"medium\":\"data\"}"), 404);
}

static void test_operators_loosen_no_list_of_egress(void **state)
{
	static const char body[] = "{\"config\":{\"weight\":1,\"net.egress\":\"any\"}}";

	(void)state;
	assert_int_equal(ask(&change, OPERATOR, "*", body), 403);
	assert_int_equal(ask(&change, ADMIN, "ci-*", body), 0);
	assert_int_equal(ask(&change, OPERATOR, "*", "{\"config\":{\"net.bytes\":1}}"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_the_host_s_needs_the_scope_of_all),
		cmocka_unit_test(test_another_medium_is_for_admins),
		cmocka_unit_test(test_operators_loosen_no_list_of_egress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
