/* SPDX-License-Identifier: MIT */
/*
 * The table of what is answered below /e2b, and the way of a request: finds its row, reads its
 * body, says what core is to be asked, and gives core's answers to the row until it has answered.
 * The exchange calls it; it touches the request alone.
 */
#include "gateway/web/e2b/e2b.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"

#define E2B_TOP "/e2b"
#define BOX	"/sandboxes/{}"
#define PROCESS "/process.Process/"
#define FILES	"/filesystem.Filesystem/"

static const struct e2b_row e2b_rows[] = {
	{"POST", "/sandboxes", E2B_REST, e2b_create, e2b_created},
	{"POST", "/v2/sandboxes", E2B_REST, e2b_create, e2b_created},
	{"GET", "/sandboxes", E2B_REST, e2b_list, e2b_listed},
	{"GET", "/v2/sandboxes", E2B_REST, e2b_list, e2b_listed},
	{"GET", BOX, E2B_REST, e2b_info, e2b_informed},
	{"DELETE", BOX, E2B_REST, e2b_kill, e2b_done},
	{"POST", BOX "/timeout", E2B_REST, e2b_timeout, e2b_done},
	{"POST", BOX "/pause", E2B_REST, e2b_pause, e2b_done},
	{"POST", BOX "/resume", E2B_REST, e2b_connect, e2b_connected},
	{"POST", BOX "/connect", E2B_REST, e2b_connect, e2b_connected},
	{"POST", "/v2" BOX "/connect", E2B_REST, e2b_connect, e2b_connected},
	{"POST", BOX "/fork", E2B_REST, e2b_fork, e2b_forked},
	{"GET", "/health", E2B_ENVD, e2b_info, e2b_done},
	{"GET", "/files", E2B_ENVD, e2b_read, NULL},
	{"POST", "/files", E2B_ENVD, e2b_write, e2b_written},
	{"POST", PROCESS "Start", E2B_STREAM, e2b_start, NULL},
	{"POST", PROCESS "Connect", E2B_STREAM, e2b_process, e2b_attached},
	{"POST", PROCESS "List", E2B_CALL, e2b_process, e2b_processed},
	{"POST", PROCESS "SendInput", E2B_CALL, e2b_process, e2b_processed},
	{"POST", PROCESS "CloseStdin", E2B_CALL, e2b_process, e2b_processed},
	{"POST", PROCESS "SendSignal", E2B_CALL, e2b_process, e2b_processed},
	{"POST", PROCESS "Update", E2B_CALL, e2b_process, e2b_processed},
	{"POST", FILES "ListDir", E2B_CALL, e2b_files, e2b_filed},
	{"POST", FILES "MakeDir", E2B_CALL, e2b_files, e2b_filed},
	{"POST", FILES "Remove", E2B_CALL, e2b_files, e2b_filed},
	{"POST", FILES "Move", E2B_CALL, e2b_files, e2b_filed},
	{"POST", FILES "Stat", E2B_CALL, e2b_files, e2b_filed},
};

bool e2b_has(const char *path)
{
	size_t length = strlen(E2B_TOP);

	return !strncmp(path, E2B_TOP, length) && path[length] == '/';
}

bool e2b_uploads(const char *method, const char *path)
{
	return !strcmp(method, "POST") && !strcmp(path, E2B_TOP "/files");
}

const char *e2b_text(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

void e2b_ask(struct e2b *e2b, const char *method, json_t *sent, const char *format, ...)
{
	va_list list;

	string_copy(e2b->method, sizeof(e2b->method), method);
	va_start(list, format);
	vsnprintf(e2b->path, sizeof(e2b->path), format, list);
	va_end(list);
	json_decref(e2b->sent);
	e2b->sent = sent;
	e2b->streams = e2b->with_file = e2b->bytes = false;
}

void e2b_message(struct buffer *to, unsigned char flags, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t count = text ? strlen(text) : 0;
	unsigned char head[E2B_FRAME_BYTES] = {flags, (unsigned char)(count >> 24),
					       (unsigned char)(count >> 16),
					       (unsigned char)(count >> 8), (unsigned char)count};

	buffer_add(to, head, sizeof(head));
	buffer_add(to, text ? text : "", count);
	free(text);
	json_decref(object);
}

void e2b_answer(struct e2b *e2b, unsigned status, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	e2b->answered = true;
	e2b->status = status;
	e2b->type = object ? "application/json" : NULL;
	buffer_free(&e2b->text);
	buffer_text(&e2b->text, text ? text : "");
	free(text);
	json_decref(object);
}

/* The word that Connect has for a status, with which clients tell what went wrong. */
static const char *e2b_connect_code(unsigned status, const char *code)
{
	static const struct {
		unsigned status;
		const char *word;
	} words[] = {
		{400, "invalid_argument"},    {401, "unauthenticated"},
		{403, "permission_denied"},   {404, "not_found"},
		{409, "failed_precondition"}, {413, "invalid_argument"},
		{422, "invalid_argument"},    {429, "resource_exhausted"},
		{502, "unavailable"},	      {503, "unavailable"},
		{504, "deadline_exceeded"},   {507, "resource_exhausted"},
		{415, "invalid_argument"},
	};

	if (!strcmp(code, "exists"))
		return "already_exists";
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (words[i].status == status)
			return words[i].word;
	}
	return "unknown";
}

void e2b_problem(struct e2b *e2b, unsigned status, const char *code, const char *detail)
{
	enum e2b_style style = e2b->row ? e2b->row->style : E2B_REST;
	json_t *problem;

	/* For envd a sandbox that is gone is a server that does not answer. */
	if (style != E2B_REST && status == 404 && !strcmp(code, "not-found"))
		status = 502;
	else if (style != E2B_STREAM && style != E2B_CALL && status == 422)
		status = 400;
	if (style == E2B_REST || style == E2B_ENVD) {
		e2b_answer(e2b, status,
			   json_pack("{s:i, s:s}", "code", (int)status, "message", detail));
		return;
	}
	problem =
		json_pack("{s:s, s:s}", "code", e2b_connect_code(status, code), "message", detail);
	if (style == E2B_CALL) {
		e2b_answer(e2b, status == 422 ? 400 : status, problem);
		return;
	}
	e2b_answer(e2b, 200, NULL);
	e2b->type = "application/connect+json";
	e2b_message(&e2b->text, 2, json_pack("{s:o}", "error", problem));
}

void e2b_refuse(struct e2b *e2b, const char *detail)
{
	e2b_problem(e2b, 400, "bad-argument", detail);
}

/* Returns whether the path is of this pattern, and copies the segment that {} stands for. */
static bool e2b_matches(const char *pattern, const char *path, char box[E2B_ITEM_BYTES])
{
	size_t length;

	while (*pattern) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		length = strspn(path, "0123456789");
		if (length == 0 || length >= E2B_ITEM_BYTES)
			return false;
		string_copy(box, length + 1, path);
		pattern += 2;
		path += length;
	}
	return !*path;
}

/* Reads the body of the request, which has to be an object if it is there. */
static bool e2b_body(struct e2b *e2b, const char *bytes, size_t count)
{
	if (e2b->row->style == E2B_STREAM) {
		if (count < E2B_FRAME_BYTES || bytes[0])
			return false;
		bytes += E2B_FRAME_BYTES;
		count -= E2B_FRAME_BYTES;
	}
	if (count)
		e2b->body = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL);
	return count == 0 || json_is_object(e2b->body);
}

struct e2b *e2b_begin(const char *method, const char *path, const struct e2b_head *head,
		      const char *bytes, size_t count)
{
	struct e2b *e2b = calloc(1, sizeof(*e2b));

	if (!e2b)
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(e2b_rows) && !e2b->row; i++) {
		if (!strcmp(e2b_rows[i].method, method) &&
		    e2b_matches(e2b_rows[i].path, path + strlen(E2B_TOP), e2b->box))
			e2b->row = &e2b_rows[i];
	}
	if (!e2b->row) {
		e2b_problem(e2b, 404, "not-found", "Skerry does not answer this part of E2B");
		return e2b;
	}
	if (e2b->row->style != E2B_REST) {
		if (strspn(head->sandbox, "0123456789") != strlen(head->sandbox) ||
		    !*head->sandbox || strlen(head->sandbox) >= E2B_ITEM_BYTES) {
			e2b_refuse(e2b, "the header E2b-Sandbox-Id has to name a sandbox");
			return e2b;
		}
		string_copy(e2b->box, sizeof(e2b->box), head->sandbox);
	}
	if (strlen(head->user) >= E2B_USER_BYTES || strlen(head->file) >= E2B_FILE_BYTES) {
		e2b_refuse(e2b, "a name of a user has up to 64 bytes, and a path up to 1023");
		return e2b;
	}
	string_copy(e2b->user, sizeof(e2b->user), head->user);
	string_copy(e2b->file, sizeof(e2b->file), head->file);
	e2b->timeout_s = head->timeout_s;
	if (e2b->row->begin != e2b_write && !e2b_body(e2b, bytes, count))
		e2b_refuse(e2b, "the body must be one JSON object");
	else
		e2b->row->begin(e2b);
	return e2b;
}

/* Takes core's answer that is a problem. Forks that there are by then are answered beside it. */
static void e2b_failed(struct e2b *e2b, unsigned status, json_t *answer)
{
	const char *detail = e2b_text(answer, "detail");

	if (!*detail)
		detail = "Skerry has not answered in time";
	if (!e2b->forks) {
		e2b_problem(e2b, status, e2b_text(answer, "code"), detail);
		return;
	}
	json_array_append_new(e2b->forks, json_pack("{s:{s:i, s:s}}", "error", "code", (int)status,
						    "message", detail));
	e2b_answer(e2b, 201, json_incref(e2b->forks));
	e2b->shows_key = true;
}

void e2b_take(struct e2b *e2b, unsigned status, const char *bytes, size_t count)
{
	json_t *answer =
		count && !(e2b->bytes && status < 300) ? json_loadb(bytes, count, 0, NULL) : NULL;

	e2b->method[0] = 0;
	e2b->step++;
	if (status >= 300 || status == 202)
		e2b_failed(e2b, status == 202 ? 503 : status, answer);
	else if (e2b->row->took && e2b->step <= E2B_STEPS)
		e2b->row->took(e2b, answer);
	if (!e2b->answered && !e2b->method[0])
		e2b_problem(e2b, 500, "internal", "the gateway could not complete this request");
	json_decref(answer);
}

void e2b_free(struct e2b *e2b)
{
	if (!e2b)
		return;
	json_decref(e2b->body);
	json_decref(e2b->sent);
	json_decref(e2b->forks);
	buffer_free(&e2b->text);
	free(e2b);
}
