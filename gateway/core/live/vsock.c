/* SPDX-License-Identifier: MIT */
/*
 * Connections to programs in guests: a WebSocket of a client is joined with a stream of the link
 * that `vsock connect` opens, or `stream open` to the port of the guest's agent. The table of
 * routes names its handler, core's main function brings the messages of web and Skerry; it asks and
 * answers by the link, and looks into no byte that it moves.
 */

#include "gateway/core/live/vsock.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/share.h"
#include "gateway/link/link.h"

enum {
	/* the most connections at a time; Skerry has 144 sockets for a machine channel */
	VSOCKS = 64,
	/* the most connections that wait for a guest's answer; the link has 8 requests at a time */
	VSOCK_CALLS = 4,
	VSOCK_WINDOW = 65536, /* the most bytes on their way in each direction */
	/*
	 * the input credit in bytes with which a port's stream begins, which Skerry does not tell
	 */
	VSOCK_PORT_CREDIT = 4096,
	VSOCK_LINE = 3072, /* the most bytes in a line of the link */
	/* the close codes of the WebSocket (RFC 6455, 7.4) */
	VSOCK_DONE = 1000,
	VSOCK_WRONG = 1008,
	VSOCK_AGAIN = 1012,
	VSOCK_DISPLACED = 1013,
	VSOCK_LOST = 4001,  /* the agent wrote more than its port's buffer holds */
	VSOCK_RESET = 4000, /* the guest reset the connection, or its VM was reset or has ended */
};

/* The port of QEMU's guest agent, which stock images wait for. */
#define VSOCK_AGENT_PORT "port=org.qemu.guest_agent.0"

struct vsock {
	/* the other end is a port (not a socket), which has no end and can lose bytes */
	bool agent;
	bool used;
	bool calling;	  /* the reply to `vsock connect` is still to come */
	uint32_t request; /* id of the client's request; 0: the client has gone */
	int64_t stream;	  /* Skerry's number of the stream; 0: not known yet */
	double began_s;
	struct buffer input;
	size_t room;	  /* bytes that the client may still send */
	size_t credit;	  /* bytes that Skerry takes now */
	int64_t sent;	  /* bytes of the client that were sent to Skerry so far */
	size_t given;	  /* bytes that Skerry may send now */
	bool input_ended; /* the client has said that it sends no more bytes */
	bool end_sent;	  /* Skerry has been told that the input has ended */
};

static struct vsock vsocks[VSOCKS];
/* The holder, for share_place(), of places whose client has gone: no account has this number. */
static const struct identity vsock_nobody = {.account = UINT64_MAX};

static void vsock_free(struct vsock *vsock)
{
	struct request *request = request_find(vsock->request);

	if (request)
		request->vsock = NULL;
	buffer_free(&vsock->input);
	*vsock = (struct vsock){0};
}

static struct vsock *vsock_find(json_t *number)
{
	for (size_t i = 0; json_is_integer(number) && i < VSOCKS; i++) {
		if (vsocks[i].stream && vsocks[i].stream == json_integer_value(number))
			return &vsocks[i];
	}
	return NULL;
}

static void vsock_closed(uint64_t unused, json_t *reply)
{
	(void)unused;
	(void)reply;
}

/*
 * Closes the stream of a client that has gone. If the connection is still being made,
 * vsock_opened() closes it when the stream's number comes.
 */
static void vsock_close(struct vsock *vsock)
{
	char number[24];
	const char *words[] = {number, NULL};
	json_t *ask;

	vsock->request = 0;
	if (vsock->calling)
		return;
	snprintf(number, sizeof(number), "%lld", (long long)vsock->stream);
	ask = link_command("stream close", words, NULL);
	json_object_set_new(ask, "order", json_string("any"));
	link_ask(ask, vsock_closed, 0);
	vsock_free(vsock);
}

/* Closes the stream of a client that has gone; called when its request ends. */
static void vsock_leave(struct request *request)
{
	struct vsock *vsock = request->vsock;

	request->vsock = NULL;
	if (vsock)
		vsock_close(vsock);
}

/* Ends the connection: for the client with a close code of the WebSocket, and at Skerry. */
static void vsock_break(struct vsock *vsock, unsigned code)
{
	struct request *request = request_find(vsock->request);
	bool open = !vsock->calling;

	if (request)
		request->vsock = NULL;
	vsock_close(vsock);
	if (request && open)
		answer_end_stream(request, code);
	else if (request)
		answer_problem(request, 503, "busy",
			       "all %d places for connections to guests are taken: close one",
			       VSOCKS);
}

static void vsock_give(struct vsock *vsock, size_t count)
{
	if (count > VSOCK_WINDOW - vsock->given)
		count = VSOCK_WINDOW - vsock->given;
	if (count && link_tell(json_pack("{s:I, s:I}", "credit", (json_int_t)vsock->stream, "bytes",
					 (json_int_t)count)))
		vsock->given += count;
}

static void vsock_say(struct request *request, const char *key, unsigned long long value)
{
	char text[48];

	snprintf(text, sizeof(text), "{\"%s\":%llu}", key, value);
	answer_piece(request, true, text, strlen(text));
}

/* Sends Skerry one line of the client's bytes that wait; returns how many bytes it had. */
static size_t vsock_push_line(struct vsock *vsock)
{
	size_t count = vsock->input.count;
	struct buffer text = {0};
	bool sent;

	if (count > vsock->credit)
		count = vsock->credit;
	if (count > VSOCK_LINE)
		count = VSOCK_LINE;
	if (!count)
		return 0;
	base64_add(&text, (uint8_t *)vsock->input.bytes, count);
	sent = !text.failed && link_tell(json_pack("{s:I, s:s}", "stream",
						   (json_int_t)vsock->stream, "data", text.bytes));
	buffer_free(&text);
	if (!sent)
		return 0;
	buffer_take(&vsock->input, count);
	vsock->credit -= count;
	vsock->sent += (int64_t)count;
	return count;
}

/* Sends Skerry as many of the client's bytes as it takes, and gives the client as much credit. */
static void vsock_push(struct vsock *vsock)
{
	struct request *request = request_find(vsock->request);
	size_t taken = 0, count;

	if (!request)
		return;
	while ((count = vsock_push_line(vsock)) != 0)
		taken += count;
	if (vsock->input_ended && !vsock->agent && !vsock->end_sent && !vsock->input.count)
		vsock->end_sent =
			link_tell(json_pack("{s:I, s:I}", "stream", (json_int_t)vsock->stream,
					    "end", (json_int_t)vsock->sent));
	if (!taken)
		return;
	vsock->room += taken;
	vsock_say(request, "credit", taken);
}

/* Handles the reply to `vsock connect`; `index` is that of the connection in the table. */
static void vsock_opened(uint64_t index, json_t *reply)
{
	struct vsock *vsock = &vsocks[index];
	json_t *result = json_array_get(json_object_get(reply, "result"), 0);
	json_t *stream = json_object_get(result, "stream");
	struct request *request = request_find(vsock->request);

	if (!vsock->used || !vsock->calling)
		return;
	vsock->calling = false;
	if (!json_is_integer(stream)) {
		vsock_free(vsock);
		if (request)
			answer_problem_json(request, problem_of_reply(reply));
		return;
	}
	vsock->stream = json_integer_value(stream);
	if (!request) {
		vsock_close(vsock);
		return;
	}
	vsock->credit = vsock->agent ? VSOCK_PORT_CREDIT : 0;
	answer_start_stream(request, STREAM_VSOCK, "skerry.vsock.v1");
	vsock->room = VSOCK_WINDOW;
	vsock_say(request, "credit", VSOCK_WINDOW);
	vsock_give(vsock, VSOCK_WINDOW);
}

/*
 * Returns an entry for a connection of `who`: a free one, or the oldest of a holder who has at
 * least two more. Returns NULL if there is none, or if too many connections are being opened.
 */
static struct vsock *vsock_place(const struct identity *who)
{
	struct share places[VSOCKS] = {0};
	size_t place, calling = 0;

	for (size_t i = 0; i < VSOCKS; i++) {
		struct request *request = request_find(vsocks[i].request);

		calling += vsocks[i].calling;
		if (vsocks[i].used)
			places[i] = (struct share){.who = request ? &request->who : &vsock_nobody,
						   .since = vsocks[i].began_s};
	}
	place = calling < VSOCK_CALLS ? share_place(places, VSOCKS, who, false) : VSOCKS;
	if (place == VSOCKS)
		return NULL;
	if (vsocks[place].used)
		vsock_break(&vsocks[place], VSOCK_DISPLACED);
	return vsocks[place].used ? NULL : &vsocks[place];
}

/* Opens a stream by a command of Skerry's; `words` begins with the VM's name. */
static void vsock_open(struct request *request, const char *command, const char *const *words,
		       bool agent)
{
	struct vsock *vsock = vsock_place(&request->who);
	char actor[65];
	json_t *ask;

	if (!vsock) {
		answer_problem(request, 503, "busy",
			       "%d connections to guests are open, or %d guests are still to "
			       "answer: try again",
			       VSOCKS, VSOCK_CALLS);
		return;
	}
	*vsock = (struct vsock){.used = true,
				.agent = agent,
				.calling = true,
				.request = request->id,
				.began_s = clock_now_s()};
	vsock->input.limit = VSOCK_WINDOW;
	request_actor(request, actor, sizeof(actor));
	ask = link_command(command, words, actor);
	json_object_set_new(ask, "order", json_string("any"));
	if (!link_ask(ask, vsock_opened, (uint64_t)(vsock - vsocks))) {
		vsock_free(vsock);
		answer_problem(request, 503, "link-down",
			       "the gateway cannot ask Skerry now: the link is down, or too many "
			       "requests wait on it");
		return;
	}
	request->vsock = vsock;
	request->left = vsock_leave;
}

/*
 * Checks that the request is for a WebSocket, and writes the audit's line. Else answers the request
 * and returns false.
 */
static bool vsock_begin(struct request *request)
{
	const char *protocols = request_header(request, "sec-websocket-protocol");

	if (!fields_get(&request->fields, "upgrade") || !protocols ||
	    !strstr(protocols, "skerry.vsock.v1")) {
		answer_header(request, "Upgrade", "websocket");
		answer_problem(request, 426, "upgrade-required",
			       "this path is a WebSocket: ask for an upgrade with the subprotocol "
			       "skerry.vsock.v1");
		return false;
	}
	return router_begin(request);
}

void vsock_connect(struct request *request)
{
	const char *words[] = {request->vm, request->item, NULL};

	if (number_read(request->item, -1, UINT32_MAX - 1) < 1)
		answer_problem(request, 422, "bad-argument", "the port must be from 1 to %u",
			       UINT32_MAX - 1);
	else if (vsock_begin(request))
		vsock_open(request, "vsock connect", words, false);
}

void vsock_agent(struct request *request)
{
	const char *words[] = {request->vm, "mode=write", "from=end", VSOCK_AGENT_PORT, NULL};

	if (vsock_begin(request))
		vsock_open(request, "stream open", words, true);
}

static void vsock_output(struct vsock *vsock, json_t *line)
{
	struct request *request = request_find(vsock->request);
	json_t *data = json_object_get(line, "data");
	uint8_t bytes[VSOCK_LINE + 3];
	long count;

	if (!request)
		return;
	if (json_is_integer(json_object_get(line, "end"))) {
		answer_piece(request, true, "{\"end\":true}", strlen("{\"end\":true}"));
		return;
	}
	if (json_is_integer(json_object_get(line, "lost"))) {
		vsock_break(vsock, VSOCK_LOST);
		return;
	}
	if (!json_is_string(data))
		return;
	count = link_data(data, bytes, sizeof(bytes));
	if (count < 0 || (size_t)count > vsock->given) {
		link_counters.garbage_lines++;
		vsock_break(vsock, VSOCK_RESET);
		return;
	}
	vsock->given -= (size_t)count;
	answer_piece(request, false, (char *)bytes, (size_t)count);
}

void vsock_line(json_t *line)
{
	const char *reason = json_string_value(json_object_get(line, "reason"));
	struct vsock *vsock = vsock_find(json_object_get(line, "stream"));
	struct request *request;

	if (vsock) {
		vsock_output(vsock, line);
		return;
	}
	vsock = vsock_find(json_object_get(line, "credit"));
	if (vsock) {
		int64_t count = json_integer_value(json_object_get(line, "bytes"));

		if (count > 0 && count <= VSOCK_WINDOW)
			vsock->credit += (size_t)count;
		vsock_push(vsock);
		return;
	}
	vsock = vsock_find(json_object_get(line, "closed"));
	if (!vsock)
		return;
	request = request_find(vsock->request);
	vsock_free(vsock);
	if (request)
		answer_end_stream(request,
				  reason && !strcmp(reason, "done") ? VSOCK_DONE : VSOCK_RESET);
}

/*
 * Handles a client's text message: {"ack":N}, which says that it has taken N bytes, and
 * {"end":true}, the end of the client's input.
 */
static void vsock_text(struct vsock *vsock, const char *bytes, size_t count)
{
	json_t *value = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL);

	if (json_integer_value(json_object_get(value, "ack")) > 0)
		vsock_give(vsock, (size_t)json_integer_value(json_object_get(value, "ack")));
	if (json_is_true(json_object_get(value, "end"))) {
		vsock->input_ended = true;
		vsock_push(vsock);
	}
	json_decref(value);
}

void vsock_data(struct request *request, bool text, const char *bytes, size_t count)
{
	struct vsock *vsock = request->vsock;

	answer_taken(request, (uint32_t)count);
	if (!vsock)
		return;
	if (text) {
		vsock_text(vsock, bytes, count);
		return;
	}
	if (vsock->input_ended || count > vsock->room) {
		vsock_break(vsock, VSOCK_WRONG);
		return;
	}
	vsock->room -= count;
	buffer_add(&vsock->input, bytes, count);
	vsock_push(vsock);
}

void vsock_link_lost(void)
{
	for (size_t i = 0; i < VSOCKS; i++) {
		struct request *request = request_find(vsocks[i].request);

		if (!vsocks[i].used)
			continue;
		vsock_free(&vsocks[i]);
		if (!request)
			continue;
		if (request->stream == STREAM_VSOCK)
			answer_end_stream(request, VSOCK_AGAIN);
		else
			answer_problem(request, 503, "link-down",
				       "the link to Skerry was lost before the guest had answered");
	}
}
