/* SPDX-License-Identifier: MIT */
/*
 * Guests' consoles: each reader has a stream of its own on the link, with its own credit. The table
 * of routes names its handlers, core's main function brings the messages of web and Skerry; it asks
 * and answers by the link.
 */

#include "gateway/core/live/console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/session.h"
#include "gateway/core/identity/share.h"
#include "gateway/link/link.h"

enum {
	/* the most consoles at a time, which is Skerry's limit of streams on a machine channel */
	CONSOLES = 16,
	CONSOLE_CREDIT = 65536,
	/*
	 * the most bytes of output in a line of the link, and of input in a line that the gateway
	 * sends
	 */
	CONSOLE_LINE = 3072,
	/* the most bytes of input of a client that wait for Skerry's credit */
	CONSOLE_INPUT = 65536,
};

struct console {
	bool used;
	uint32_t request; /* id of the client's request; 0: the client has gone */
	int64_t stream;	  /* Skerry's number of the stream; 0: not known yet */
	bool write, closing;
	struct buffer input;
	size_t credit; /* bytes of input that Skerry takes now */
	size_t given;  /* bytes of output that Skerry may send now */
	double began_s;
	/* the request is a GET, which wants the end of the output */
	bool tail;
	struct buffer bytes;
	int64_t from, next, lost;
};

static struct console consoles[CONSOLES];
/* The holder, for share_place(), of consoles whose client has gone: no account has this number. */
static const struct identity console_nobody = {.account = UINT64_MAX};

static void console_free(struct console *console)
{
	struct request *request = request_find(console->request);

	if (request)
		request->console = NULL;
	buffer_free(&console->input);
	buffer_free(&console->bytes);
	*console = (struct console){0};
}

static struct console *console_find(json_t *number)
{
	for (size_t i = 0; json_is_integer(number) && i < CONSOLES; i++) {
		if (consoles[i].used && consoles[i].stream == json_integer_value(number))
			return &consoles[i];
	}
	return NULL;
}

static void console_closed(uint64_t unused, json_t *reply)
{
	(void)unused;
	(void)reply;
}

/* Closes the stream at Skerry, since its client has gone. */
static void console_close(struct console *console)
{
	char number[24];
	const char *words[] = {number, NULL};

	if (console->stream) {
		snprintf(number, sizeof(number), "%lld", (long long)console->stream);
		link_ask(link_command("stream close", words, NULL), console_closed, 0);
		console_free(console);
	} else {
		/* Skerry has not told the stream's number yet: close it when the number comes. */
		console->closing = true;
		console->request = 0;
	}
}

/* Closes the console's stream; called when the client has gone before the stream has ended. */
static void console_leave(struct request *request)
{
	struct console *console = request->console;

	request->console = NULL;
	if (console) {
		console->request = 0;
		console_close(console);
	}
}

/* Ends a console, because an asker with fewer consoles gets its place in the table. */
static void console_displace(struct console *console)
{
	struct request *request = request_find(console->request);

	console->request = 0;
	if (request)
		request->console = NULL;
	console_close(console);
	if (request && request->stream == STREAM_CONSOLE)
		answer_end_stream(request, 1013);
	else if (request)
		answer_problem(request, 503, "busy",
			       "all %d places for consoles are taken: close one", CONSOLES);
}

static void console_give(struct console *console, size_t count)
{
	if (count > CONSOLE_CREDIT - console->given)
		count = CONSOLE_CREDIT - console->given;
	if (!count)
		return;
	console->given += count;
	link_tell(json_pack("{s:I, s:I}", "credit", (json_int_t)console->stream, "bytes",
			    (json_int_t)count));
}

static void console_push(struct console *console)
{
	struct request *request = request_find(console->request);
	uint32_t taken = 0;

	while (console->stream && console->input.count && console->credit) {
		size_t count = console->input.count;
		struct buffer text = {0};

		if (count > console->credit)
			count = console->credit;
		if (count > CONSOLE_LINE)
			count = CONSOLE_LINE;
		base64_add(&text, (uint8_t *)console->input.bytes, count);
		if (text.failed ||
		    !link_tell(json_pack("{s:I, s:s}", "stream", (json_int_t)console->stream,
					 "data", text.bytes))) {
			buffer_free(&text);
			break;
		}
		buffer_free(&text);
		buffer_take(&console->input, count);
		console->credit -= count;
		taken += (uint32_t)count;
	}
	if (request && taken)
		answer_taken(request, taken);
}

static void console_tell_place(struct request *request, int64_t from, int64_t lost)
{
	char text[96];

	snprintf(text, sizeof(text), "{\"from\":\"%lld\",\"lost\":%lld}", (long long)from,
		 (long long)lost);
	answer_piece(request, true, text, strlen(text));
}

static void console_answer_tail(struct console *console)
{
	struct request *request = request_find(console->request);
	char number[24];

	if (request) {
		snprintf(number, sizeof(number), "%lld", (long long)console->from);
		answer_header(request, "Skerry-From", number);
		snprintf(number, sizeof(number), "%lld",
			 (long long)(console->from + (int64_t)console->bytes.count));
		answer_header(request, "Skerry-Next", number);
		snprintf(number, sizeof(number), "%lld", (long long)console->lost);
		answer_header(request, "Skerry-Lost", number);
		request->console = NULL;
		answer_bytes(request, 200, "application/octet-stream",
			     console->bytes.count ? console->bytes.bytes : "",
			     console->bytes.count);
		console->request = 0;
	}
	console_close(console);
}

/* Takes the reply to `stream open`; `index` is that of the console in the table. */
static void console_opened(uint64_t index, json_t *reply)
{
	struct console *console = &consoles[index];
	json_t *result = json_array_get(json_object_get(reply, "result"), 0);
	struct request *request = request_find(console->request);

	if (!console->used)
		return;
	if (!json_is_integer(json_object_get(result, "stream"))) {
		if (request) {
			request->console = NULL;
			answer_problem_json(request, problem_of_reply(reply));
		}
		console->request = 0;
		console_free(console);
		return;
	}
	console->stream = json_integer_value(json_object_get(result, "stream"));
	console->from = json_integer_value(json_object_get(result, "from"));
	console->next = json_integer_value(json_object_get(result, "next"));
	console->lost = json_integer_value(json_object_get(result, "lost"));
	if (console->closing || !request) {
		console_close(console);
		return;
	}
	if (console->tail && console->next <= console->from) {
		console_answer_tail(console);
		return;
	}
	if (!console->tail) {
		answer_start_stream(request, STREAM_CONSOLE, "skerry.console.v1");
		console_tell_place(request, console->from, console->lost);
	}
	console_give(console, CONSOLE_CREDIT);
	console_push(console);
}

/*
 * Returns a free entry for a console. If there is none, the asker with most consoles loses the
 * oldest of them, whose entry is free once Skerry has said that its stream is closed. Returns NULL
 * if no entry is free now.
 */
static struct console *console_place(const struct identity *who)
{
	struct share places[CONSOLES] = {0};
	size_t place;

	for (size_t i = 0; i < CONSOLES; i++) {
		struct request *request = request_find(consoles[i].request);

		if (consoles[i].used)
			places[i] = (struct share){.who = request ? &request->who : &console_nobody,
						   .since = consoles[i].began_s};
	}
	place = share_place(places, CONSOLES, who, false);
	if (place == CONSOLES)
		return NULL;
	if (consoles[place].used)
		console_displace(&consoles[place]);
	return consoles[place].used ? NULL : &consoles[place];
}

static void console_open(struct request *request, bool write, bool tail, bool take)
{
	const char *from = request_query(request, "from");
	char place[40], actor[65];
	const char *words[] = {request->vm, write ? "mode=write" : "mode=read", NULL, NULL, NULL};
	struct console *console;
	size_t count = 2;
	json_t *ask;

	if (number_read(from, 0, INT64_MAX / 10) < 0) {
		answer_problem(request, 422, "bad-argument", "\"from\" must be an offset in bytes");
		return;
	}
	console = console_place(&request->who);
	if (!console) {
		answer_problem(request, 503, "busy",
			       "all %d places for consoles are taken: close one", CONSOLES);
		return;
	}
	if (from) {
		snprintf(place, sizeof(place), "from=%s", from);
		words[count++] = place;
	}
	if (take)
		words[count++] = "take=yes";
	request_actor(request, actor, sizeof(actor));
	*console = (struct console){
		.used = true,
		.request = request->id,
		.write = write,
		.tail = tail,
		.credit = write ? 4096 : 0,
		.began_s = clock_now_s(),
	};
	console->input.limit = CONSOLE_INPUT + MESSAGE_PAYLOAD;
	ask = link_command("stream open", words, actor);
	if (!link_ask(ask, console_opened, (uint64_t)(console - consoles))) {
		console_free(console);
		answer_problem(request, 503, "link-down",
			       "the gateway cannot ask Skerry now: the link is down, or too many "
			       "requests wait on it");
		return;
	}
	request->console = console;
	request->left = console_leave;
}

/*
 * Handles the route of a VM's console, by which a client gets the last output or, with a WebSocket,
 * the console itself.
 */
void console_show(struct request *request)
{
	const char *protocols = request_header(request, "sec-websocket-protocol");
	const char *take = request_query(request, "take");

	if (!fields_get(&request->fields, "upgrade")) {
		console_open(request, false, true, false);
		return;
	}
	if (strcmp(request->ticket, "read") && strcmp(request->ticket, "write")) {
		answer_problem(request, 401, "unauthenticated",
			       "a console's WebSocket needs a ticket of POST console/tickets");
		return;
	}
	if (!protocols || !strstr(protocols, "skerry.console.v1")) {
		answer_problem(request, 422, "bad-argument",
			       "ask for the subprotocol skerry.console.v1");
		return;
	}
	console_open(request, !strcmp(request->ticket, "write"), false,
		     take && !strcmp(take, "yes"));
}

void console_make_ticket(struct request *request)
{
	const char *mode = request_text(request, "mode");
	char text[SECRET_TEXT_BYTES];

	mode = mode ? mode : "read";
	if (strcmp(mode, "read") && strcmp(mode, "write")) {
		answer_problem(request, 422, "bad-argument",
			       "\"mode\" must be \"read\" or \"write\"");
		return;
	}
	if (!strcmp(mode, "write") && !(request->who.roles & ROLE_CONSOLE_WRITE)) {
		answer_problem(request, 403, "forbidden", "your roles do not allow this");
		return;
	}
	if (!router_begin(request))
		return;
	if (!ticket_make(&request->who, "/v1/vms/{vm}/console", request->vm, mode, text)) {
		answer_problem(
			request, 500, "failed",
			"the system gave the gateway no random numbers, so it made no secret");
		return;
	}
	answer_json(request, 201, json_pack("{s:s, s:i}", "ticket", text, "expires_s", 30));
}

static void console_output(struct console *console, json_t *line)
{
	struct request *request = request_find(console->request);
	json_t *lost = json_object_get(line, "lost"), *data = json_object_get(line, "data");
	int64_t at = json_integer_value(json_object_get(line, "at"));
	uint8_t bytes[CONSOLE_LINE + 3];
	long count;

	if (!request)
		return;
	if (json_is_integer(lost)) {
		if (console->tail)
			console->lost += json_integer_value(lost);
		else
			console_tell_place(request, at + json_integer_value(lost),
					   json_integer_value(lost));
		return;
	}
	if (!json_is_string(data))
		return;
	count = link_data(data, bytes, sizeof(bytes));
	if (count < 0 || (size_t)count > console->given) {
		link_counters.garbage_lines++;
		return;
	}
	console->given -= (size_t)count;
	if (!console->tail) {
		answer_piece(request, false, (char *)bytes, (size_t)count);
		return;
	}
	if (console->bytes.count == 0)
		console->from = at;
	buffer_add(&console->bytes, bytes, (size_t)count);
	if (at + count >= console->next || console->bytes.count >= CONSOLE_CREDIT)
		console_answer_tail(console);
}

void console_line(json_t *line)
{
	struct console *console = console_find(json_object_get(line, "stream"));
	struct request *request;

	if (console) {
		console_output(console, line);
		return;
	}
	console = console_find(json_object_get(line, "credit"));
	if (console) {
		int64_t count = json_integer_value(json_object_get(line, "bytes"));

		if (count > 0 && count <= CONSOLE_CREDIT)
			console->credit += (size_t)count;
		console_push(console);
		return;
	}
	console = console_find(json_object_get(line, "closed"));
	if (!console)
		return;
	request = request_find(console->request);
	console->stream = 0;
	if (request && console->tail) {
		console_answer_tail(console);
		console_free(console);
		return;
	}
	console_free(console);
	if (request)
		answer_end_stream(request, 1001);
}

/*
 * Handles a message of the client: binary bytes are input, {"ack":N} says that it has taken N bytes
 * of output.
 */
void console_data(struct request *request, bool text, const char *bytes, size_t count)
{
	struct console *console = request->console;
	json_t *value;

	if (!console)
		return;
	if (!text) {
		if (console->write && console->input.count + count <= CONSOLE_INPUT) {
			buffer_add(&console->input, bytes, count);
			console_push(console);
		} else {
			answer_taken(request, (uint32_t)count);
		}
		return;
	}
	answer_taken(request, (uint32_t)count);
	value = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL);
	if (json_integer_value(json_object_get(value, "ack")) > 0)
		console_give(console, (size_t)json_integer_value(json_object_get(value, "ack")));
	json_decref(value);
}

void console_link_lost(void)
{
	for (size_t i = 0; i < CONSOLES; i++) {
		struct request *request = request_find(consoles[i].request);

		if (!consoles[i].used)
			continue;
		console_free(&consoles[i]);
		if (!request)
			continue;
		if (request->stream == STREAM_CONSOLE)
			answer_end_stream(request, 1012);
		else
			answer_problem(
				request, 503, "link-down",
				"the link to Skerry was lost before the console had been read");
	}
}
