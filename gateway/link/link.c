/* SPDX-License-Identifier: MIT */
/*
 * The link to Skerry: opens it, reopens it when it breaks, sends requests over it, and hands each
 * reply to the function given with its request. Core's main loop drives it, and all code that asks
 * Skerry calls link_ask(); it uses nothing but the transport.
 */
#include "gateway/link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/buffer.h"
#include "gateway/base/bytes.h"
#include "gateway/link/number.h"
#include "gateway/link/transport.h"

enum { LINK_RETRY_MS = 1000 };

struct link_request {
	struct link_request *next;
	int64_t id;
	char *text; /* the request's text; NULL once it is sent */
	link_reply *reply;
	uint64_t context;
};

static struct {
	const struct link_client *client;
	int fd;
	bool opened;	    /* the connection to Skerry is made, and client->opened was called */
	bool skipping;	    /* the rest of a line that was too long is skipped */
	int64_t skipped_id; /* the id of the request that the skipped line answers; 0: none */
	struct buffer input, output;
	size_t searched; /* bytes of `input` that were searched and have no newline */
	struct link_request *first, *last;
	unsigned under_way, waiting;
	int64_t last_id;
	int64_t retry_ms, heard_ms, silence_ms;
} line = {.fd = -1};

struct link_counters link_counters;

bool link_setup(const char *where, const struct link_client *client, int64_t silence_ms)
{
	struct timespec now;

	line.client = client;
	line.silence_ms = silence_ms;
	line.output.limit = LINK_OUTPUT_BYTES;
	/*
	 * Ids begin at the time of the start: a reply to a request of an earlier start must not be
	 * taken for one of this start.
	 */
	clock_gettime(CLOCK_REALTIME, &now);
	line.last_id = (int64_t)(now.tv_sec % 1000000) * 1000;
	return transport_setup(where);
}

bool link_is_open(void)
{
	return line.opened;
}

static void link_close(void)
{
	struct link_request *request;
	bool was_open = line.opened;

	if (line.fd >= 0)
		close(line.fd);
	line.fd = -1;
	line.opened = false;
	line.skipping = false;
	line.searched = 0;
	buffer_free(&line.input);
	buffer_free(&line.output);
	while ((request = line.first)) {
		line.first = request->next;
		if (!line.first)
			line.last = NULL;
		request->reply(request->context, NULL);
		free(request->text);
		free(request);
	}
	line.under_way = line.waiting = 0;
	if (was_open)
		line.client->lost();
}

void link_drop(const char *why)
{
	fprintf(stderr, "skerryd: the link to Skerry was closed: %s\n", why);
	link_close();
}

/*
 * Sends as much as is allowed now: requests while fewer than LINK_UNDER_WAY are unanswered, and as
 * many bytes as the descriptor takes.
 */
static void link_push(void)
{
	for (struct link_request *request = line.first; request && line.under_way < LINK_UNDER_WAY;
	     request = request->next) {
		if (!request->text)
			continue;
		buffer_text(&line.output, request->text);
		buffer_text(&line.output, "\n");
		free(request->text);
		request->text = NULL;
		line.under_way++;
		line.waiting--;
	}
	while (line.output.count) {
		ssize_t sent = write(line.fd, line.output.bytes, line.output.count);

		if (sent <= 0)
			return;
		link_counters.sent_bytes += (uint64_t)sent;
		buffer_take(&line.output, (size_t)sent);
	}
}

bool link_has_room(unsigned count)
{
	return line.opened && line.waiting + count <= LINK_WAITING;
}

bool link_ask(json_t *request, link_reply *reply, uint64_t context)
{
	struct link_request *entry = NULL;
	char *text = NULL;

	if (!request || !line.opened || line.waiting >= LINK_WAITING)
		goto refuse;
	json_object_set_new(request, "id", json_integer(++line.last_id));
	text = json_dumps(request, JSON_COMPACT);
	entry = calloc(1, sizeof(*entry));
	if (!text || !entry || strlen(text) > LINK_REQUEST_BYTES)
		goto refuse;
	json_decref(request);
	entry->id = line.last_id;
	entry->text = text;
	entry->reply = reply;
	entry->context = context;
	if (line.last)
		line.last->next = entry;
	else
		line.first = entry;
	line.last = entry;
	line.waiting++;
	link_push();
	return true;
refuse:
	free(text);
	free(entry);
	json_decref(request);
	return false;
}

json_t *link_command(const char *command, const char *const *arguments, const char *actor)
{
	json_t *list = json_array();

	for (; arguments && *arguments; arguments++)
		json_array_append_new(list, json_string(*arguments));
	return json_pack("{s:s, s:o, s:s*}", "command", command, "arguments", list, "actor", actor);
}

bool link_tell_text(const char *text, size_t count)
{
	if (!line.opened || line.output.count + count + 1 > LINK_OUTPUT_BYTES)
		return false;
	buffer_add(&line.output, text, count);
	buffer_text(&line.output, "\n");
	link_push();
	return true;
}

long link_data(const json_t *data, uint8_t *bytes, size_t room)
{
	return json_is_string(data)
		       ? base64_read(json_string_value(data), json_string_length(data), bytes, room)
		       : -1;
}

bool link_tell(json_t *value)
{
	char *text = line.opened ? json_dumps(value, JSON_COMPACT) : NULL;
	bool told = text && link_tell_text(text, strlen(text));

	json_decref(value);
	free(text);
	return told;
}

/*
 * Takes the request with that id out of the list of unanswered ones; returns NULL when no request
 * has that id.
 */
static struct link_request *link_take(int64_t id)
{
	struct link_request *before = NULL;

	for (struct link_request *request = line.first; request; request = request->next) {
		if (request->id == id && !request->text) {
			if (before)
				before->next = request->next;
			else
				line.first = request->next;
			if (line.last == request)
				line.last = before;
			line.under_way--;
			return request;
		}
		before = request;
	}
	return NULL;
}

/* Reads a name and the number behind it, of at most 18 digits. Returns NULL, or where they end. */
static const char *link_read_number(const char *text, const char *name, json_int_t *number)
{
	size_t length = strlen(name), digits;

	if (!text || strncmp(text, name, length))
		return NULL;
	text += length;
	digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 18 || (*text == '0' && digits > 1))
		return NULL;
	*number = strtoll(text, NULL, 10);
	return text + digits;
}

/*
 * Reads a stream's line as Skerry writes it. Most of what comes are such lines, and their base 64
 * costs a reader of JSON ten times what it costs here. Returns NULL for any other line.
 */
static json_t *link_parse_data(const char *text)
{
	static const char
		begin[] = ",\"data\":\"",
		letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	json_int_t stream, at;
	size_t length;

	text = link_read_number(text, "{\"stream\":", &stream);
	text = link_read_number(text, ",\"at\":", &at);
	if (!text || strncmp(text, begin, sizeof(begin) - 1))
		return NULL;
	text += sizeof(begin) - 1;
	length = strspn(text, letters);
	if (strcmp(text + length, "\"}"))
		return NULL;
	return json_pack("{s:I, s:I, s:o}", "stream", stream, "at", at, "data",
			 json_stringn_nocheck(text, length));
}

static json_t *link_parse(const char *text, size_t count)
{
	json_t *value = link_parse_data(text);
	struct buffer quoted = {0};

	if (!value)
		value = json_loadb(text, count, JSON_REJECT_DUPLICATES, NULL);
	if (!value && number_quote(text, count, &quoted))
		value = json_loadb(quoted.bytes, quoted.count, JSON_REJECT_DUPLICATES, NULL);
	buffer_free(&quoted);
	return value;
}

static void link_take_reply(int64_t id, json_t *reply)
{
	struct link_request *request = link_take(id);

	if (!request) {
		link_counters.garbage_lines++;
		return;
	}
	/*
	 * The command failed after its first rows: drop them, so that the asker gets the reason and
	 * no partial list.
	 */
	if (json_is_true(json_object_get(reply, "incomplete"))) {
		json_object_del(reply, "result");
		json_object_set_new(reply, "status", json_string("error"));
	}
	request->reply(request->context, reply);
	free(request);
}

static void link_take_line(const char *text, size_t count)
{
	json_t *value = link_parse(text, count);
	json_t *id = json_object_get(value, "id");

	if (!json_is_object(value)) {
		link_counters.garbage_lines += count > 1;
	} else if (json_is_integer(id) && json_object_get(value, "status")) {
		link_take_reply(json_integer_value(id), value);
	} else if (!json_is_null(id)) {
		line.client->line(value);
	}
	/*
	 * A reply with a null id answers a truncated line of an earlier connection, and is ignored.
	 */
	json_decref(value);
}

/*
 * Drops the bytes in `input`, whose line is too long to keep. A reply begins with its id, which is
 * kept for link_skipped().
 */
static void link_skip(void)
{
	long long id;

	if (!line.skipping)
		line.skipped_id = sscanf(line.input.bytes, "{\"id\": %18lld,", &id) == 1 ? id : 0;
	line.skipping = true;
	line.searched = 0;
	buffer_take(&line.input, line.input.count);
}

/*
 * Answers the request whose reply was skipped with an error; otherwise its asker would wait for
 * ever.
 */
static void link_skipped(void)
{
	json_t *reply;

	if (line.skipped_id == 0) {
		link_counters.garbage_lines++;
		return;
	}
	reply = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)line.skipped_id, "status",
			  "error", "code", "bad-answer", "error",
			  "Skerry's answer is longer than 2 MiB: ask for less");
	link_take_reply(line.skipped_id, reply);
	json_decref(reply);
}

/* Handles the complete lines in `input`; a line that is too long is skipped to its end. */
static void link_split(void)
{
	char *end;

	while (line.fd >= 0 && line.input.count > line.searched &&
	       (end = memchr(line.input.bytes + line.searched, '\n',
			     line.input.count - line.searched))) {
		size_t count = (size_t)(end - line.input.bytes);
		char *text = strndup(line.input.bytes, count);

		buffer_take(&line.input, count + 1);
		line.searched = 0;
		if (line.skipping)
			link_skipped();
		else if (text)
			link_take_line(text, strlen(text));
		line.skipping = false;
		free(text);
	}
	line.searched = line.input.count;
	if (line.input.count > LINK_LINE_BYTES)
		link_skip();
}

struct pollfd link_wait(void)
{
	short events = POLLIN;

	if (!line.opened || line.output.count)
		events |= POLLOUT;
	return (struct pollfd){line.fd, events, 0};
}

void link_ready(short events, int64_t now_ms)
{
	char bytes[65536];
	ssize_t count;

	if (line.fd >= 0 && !line.opened && events & POLLOUT && !(events & (POLLERR | POLLHUP))) {
		line.opened = true;
		line.heard_ms = now_ms;
		link_counters.connections++;
		/*
		 * The newline ends a partial line that an earlier connection may have left at
		 * Skerry.
		 */
		buffer_text(&line.output, "\n");
		line.client->opened();
	}
	if (events & (POLLIN | POLLERR | POLLHUP)) {
		count = read(line.fd, bytes, sizeof(bytes));
		if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
			line.retry_ms = now_ms + LINK_RETRY_MS;
			link_close();
			return;
		}
		if (count > 0) {
			line.heard_ms = now_ms;
			link_counters.received_bytes += (uint64_t)count;
			buffer_add(&line.input, bytes, (size_t)count);
			explicit_bzero(bytes, (size_t)count);
			link_split();
		}
	}
	if (line.opened)
		link_push();
}

void link_tick(int64_t now_ms)
{
	if (line.fd < 0 && now_ms >= line.retry_ms) {
		line.retry_ms = now_ms + LINK_RETRY_MS;
		line.fd = transport_open();
	}
	if (line.opened && line.under_way && now_ms - line.heard_ms > line.silence_ms)
		link_drop("it answers nothing");
}
