/* SPDX-License-Identifier: MIT */
/* Redfish's requests in web beside a core and an HTTP server that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/bytes.c"
#include "gateway/tests/fuzz/e2b_parts.h"
#include "gateway/tests/fuzz/redfish_parts.h"
#include "gateway/web/exchange.c"
#include "gateway/web/exchange_e2b.c"
#include "gateway/web/exchange_form.c"
#include "gateway/web/exchange_redfish.c"

#define VM "{\"name\":\"web\",\"state\":\"stopped\"}"

enum { WHO = 7 << MESSAGE_WHO_SHIFT };

struct web web;
static struct MHD_Connection *const connection = (struct MHD_Connection *)&web;
static unsigned asks, queued, status;

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *of,
							enum MHD_ConnectionInfoType type, ...)
{
	(void)of, (void)type;
	return NULL;
}

const char *MHD_lookup_connection_value(struct MHD_Connection *of, enum MHD_ValueKind kind,
					const char *key)
{
	(void)of, (void)kind;
	return strcmp(key, "Host") ? NULL : "gate";
}

void MHD_suspend_connection(struct MHD_Connection *of)
{
	(void)of;
}

void MHD_resume_connection(struct MHD_Connection *of)
{
	(void)of;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *of, unsigned code,
				   struct MHD_Response *response)
{
	(void)of, (void)response;
	queued++;
	status = code;
	return MHD_YES;
}

bool message_send(struct message_socket *socket, struct message_head head, const void *payload,
		  size_t count, int pass)
{
	(void)socket, (void)payload, (void)count, (void)pass;
	asks += head.kind == MESSAGE_REQUEST;
	return true;
}

bool request_frame(struct MHD_Connection *of, const char *version, uint64_t *body)
{
	(void)of, (void)version;
	*body = 0;
	return true;
}

bool request_path(struct exchange *exchange, const char *url, const char **path)
{
	(void)exchange;
	*path = url;
	return true;
}

bool request_path_text(const char *path, char *to, size_t room)
{
	string_copy(to, room, path);
	return true;
}

bool request_fields(const struct exchange *exchange, const char *url, const char *method,
		    struct buffer *fields, unsigned *why)
{
	(void)exchange, (void)url, (void)method, (void)fields, (void)why;
	return false;
}

bool request_fields_e2b(const struct exchange *exchange, struct buffer *fields)
{
	fields_text(fields, "path", exchange->e2b->path);
	return true;
}

const char *request_e2b_key(struct MHD_Connection *connection)
{
	(void)connection;
	return "";
}

bool request_query_text(const char *value, char *to, size_t room)
{
	return (size_t)snprintf(to, room, "%s", value) < room;
}

bool request_fields_redfish(const struct exchange *exchange, struct buffer *fields)
{
	fields_text(fields, "path", exchange->redfish->path);
	return true;
}

/* What these requests have no part in: WebSockets, the UI's files, TLS. */
enum MHD_Result socket_queue(struct exchange *exchange)
{
	(void)exchange;
	return MHD_NO;
}

void socket_send(struct exchange *exchange, uint32_t flags, const char *bytes, size_t count)
{
	(void)exchange, (void)flags, (void)bytes, (void)count;
}

void socket_end(struct exchange *exchange, unsigned code)
{
	(void)exchange, (void)code;
}

void ws_reader_free(struct ws_reader *reader)
{
	(void)reader;
}

enum MHD_Result static_queue(struct MHD_Connection *of, const char *path, const char *method)
{
	(void)of, (void)path, (void)method;
	return MHD_NO;
}

void web_guard_headers(struct MHD_Response *response)
{
	(void)response;
}

void tunnel_request(int server, uint64_t body)
{
	(void)server, (void)body;
}

void tunnel_complete(int server)
{
	(void)server;
}

void tunnel_known(int server, uint32_t who)
{
	(void)server, (void)who;
}

void tunnel_answered(int server)
{
	(void)server;
}

void tunnel_shut(int server)
{
	(void)server;
}

static int ready(void **state)
{
	(void)state;
	memset(&web, 0, sizeof(web));
	asks = queued = status = 0;
	return 0;
}

/* The HTTP server calls for the head or, with the exchange's context, for what follows. */
static struct exchange *handle(const char *method, const char *path, void **context)
{
	size_t count = 0;

	assert_int_equal(
		exchange_handle(NULL, connection, path, method, "HTTP/1.1", NULL, &count, context),
		MHD_YES);
	return exchange_find((uint32_t)(uintptr_t)*context);
}

/* A request whose head and body have come. */
static struct exchange *begin(const char *method, const char *path, void **context)
{
	*context = NULL;
	handle(method, path, context);
	return handle(method, path, context);
}

/* Core answers what it was asked last. */
static void answer(struct exchange *exchange, unsigned code, const char *body)
{
	struct message_head head = {MESSAGE_ANSWER, exchange->id, code, WHO};

	exchange_answer(exchange, &head, NULL, 0);
	head = (struct message_head){MESSAGE_BODY, exchange->id, 0, MESSAGE_LAST};
	exchange_body(exchange, &head, body, strlen(body));
}

/* Other answers to the same credential wait for clients that do not read them. */
static void hold(size_t bytes)
{
	struct exchange *other = &web.exchanges[WEB_EXCHANGES - 1];

	*other = (struct exchange){.id = 2 * WEB_EXCHANGES - 1, .flags = WHO, .held = bytes};
}

/* The HTTP server takes the answer, which is given once. */
static void ends(void **context, unsigned code)
{
	handle("GET", "/redfish", context);
	assert_int_equal(queued, 1);
	assert_int_equal(status, code);
	exchange_done(NULL, connection, context, MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

static void test_answers(void **state)
{
	struct exchange *exchange;
	void *context;

	(void)state;
	exchange = begin("GET", "/redfish/v1/Systems", &context);
	assert_int_equal(asks, 1);
	answer(exchange, 200, "{\"items\":[]}");
	ends(&context, 200);
	assert_int_equal(exchange->id, 0);
}

/* An answer that is too much beside others is dropped, and the client is told so, once. */
static void test_too_much_is_held(void **state)
{
	struct exchange *exchange;
	void *context;

	(void)state;
	hold(WEB_HELD_BYTES);
	exchange = begin("GET", "/redfish/v1/Systems", &context);
	answer(exchange, 200, "{\"items\":[]}");
	ends(&context, 503);
}

/* An action, of which core is first asked for the VM. */
static struct exchange *begin_action(void **context)
{
	static const char path[] = "/redfish/v1/Systems/web/Actions/ComputerSystem.Reset";
	static const char body[] = "{\"ResetType\":\"On\"}";
	struct exchange *exchange;

	*context = NULL;
	exchange = handle("POST", path, context);
	exchange->redfish = redfish_begin("POST", path, body, strlen(body), "gate");
	assert_true(exchange_redfish_ask(exchange));
	return exchange;
}

/* Nothing is done by what core was asked first if its answer was dropped. */
static void test_no_action_without_its_vm(void **state)
{
	struct exchange *exchange;
	void *context;

	(void)state;
	exchange = begin_action(&context);
	hold(WEB_HELD_BYTES);
	answer(exchange, 200, VM);
	assert_int_equal(asks, 1);
	ends(&context, 503);
}

/* What core has answered to an earlier ask is not held any more. */
static void test_two_asks_hold_one_answer(void **state)
{
	struct exchange *exchange;
	void *context;

	(void)state;
	exchange = begin_action(&context);
	hold(WEB_HELD_BYTES - strlen(VM));
	answer(exchange, 200, VM);
	assert_int_equal(asks, 2);
	answer(exchange, 200, "{\"changed\":true}");
	ends(&context, 204);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers, ready),
		cmocka_unit_test_setup(test_too_much_is_held, ready),
		cmocka_unit_test_setup(test_no_action_without_its_vm, ready),
		cmocka_unit_test_setup(test_two_asks_hold_one_answer, ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
