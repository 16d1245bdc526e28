/* SPDX-License-Identifier: MIT */
/*
 * Uploads and downloads of volumes: joins the body of an HTTP request or answer with streams of the
 * link that `volume write` and `volume read` open. This file has the table of transfers and the
 * step after each reply of Skerry's. Core's main function brings the messages of web and Skerry;
 * content_upload.c, content_download.c and content_request.c have the rest.
 */
#include "gateway/core/live/content.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/core/host/volume_own.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/live/content_state.h"
#include "gateway/core/live/upload.h"
#include "gateway/link/link.h"

static struct content contents[CONTENTS];
static uint64_t content_last;

void content_free(struct content *content)
{
	buffer_free(&content->input);
	*content = (struct content){0};
}

static struct content *content_of(uint64_t number)
{
	for (size_t i = 0; i < CONTENTS; i++) {
		if (contents[i].step != CONTENT_FREE && contents[i].number == number)
			return &contents[i];
	}
	return NULL;
}

struct content *content_of_request(const struct request *request)
{
	for (size_t i = 0; i < CONTENTS; i++) {
		if (contents[i].step != CONTENT_FREE && contents[i].request == request->id)
			return &contents[i];
	}
	return NULL;
}

/* Returns the transfer that has the link's stream `number`, or NULL. */
static struct content *content_find(json_t *number)
{
	for (size_t i = 0; json_is_integer(number) && i < CONTENTS; i++) {
		if (contents[i].stream && contents[i].stream == json_integer_value(number))
			return &contents[i];
	}
	return NULL;
}

bool content_is_uploaded(const struct content *content)
{
	for (size_t i = 0; i < CONTENTS; i++) {
		if (&contents[i] != content && contents[i].step != CONTENT_FREE &&
		    !strcmp(contents[i].part, content->part))
			return true;
	}
	return false;
}

int64_t content_uploaded(const char *part)
{
	const struct upload *upload = upload_find(part);

	return upload ? upload->at : -1;
}

/*
 * Separates a transfer from its request, and returns the request to be answered; NULL: the client
 * has gone.
 */
struct request *content_release(struct content *content)
{
	struct request *request = request_find(content->request);

	content->request = 0;
	if (request)
		request->left = NULL;
	return request;
}

/*
 * Tells Skerry to close a stream that is no longer needed; the transfer's entry is free once Skerry
 * has closed it.
 */
static void content_refuse(struct content *content)
{
	link_tell(json_pack("{s:I, s:s}", "stream", (json_int_t)content->stream, "refused",
			    "the client has gone"));
}

/*
 * Ends a transfer with `problem`, which is freed. A client that has the head of a download gets a
 * broken body.
 */
static void content_fail_json(struct content *content, json_t *problem)
{
	struct request *request = content_release(content);
	bool begun = !content->upload && content->told;

	if (content->stream)
		content_refuse(content);
	else
		content_free(content);
	if (request && begun)
		answer_end_stream(request, 1);
	else if (request)
		answer_problem_json(request, json_incref(problem));
	json_decref(problem);
}

void content_fail(struct content *content, unsigned status, const char *code, const char *detail)
{
	content_fail_json(content, problem_json(status, code, detail, NULL));
}

/* Breaks off the transfer of a client that has gone; called when its request ends. */
static void content_leave(struct request *request)
{
	struct content *content = content_of_request(request);

	if (!content)
		return;
	content->request = 0;
	if (content->stream)
		content_refuse(content);
}

static void content_took(uint64_t number, json_t *reply);

/* Sends Skerry a command; the transfer is in `step` until the reply comes. */
void content_ask(struct content *content, enum content_step step, const char *command,
		 const char *const *words)
{
	json_t *ask = link_command(command, words, content->actor);

	content->step = step;
	json_object_set_new(ask, "order", json_string("any"));
	if (!link_ask(ask, content_took, content->number))
		content_fail(content, 503, "link-down",
			     "the gateway cannot ask Skerry now: the link is down, or too "
			     "many requests wait on it");
}

void content_ask_about(struct content *content, enum content_step step, const char *command,
		       const char *volume)
{
	const char *words[] = {volume, NULL};

	content_ask(content, step, command, words);
}

/*
 * Returns a free entry of the table, with the fields set that all transfers need. If there is none,
 * answers the request and returns NULL.
 */
struct content *content_place(struct request *request)
{
	struct content *content = NULL;

	if (!name_valid(request->store) || !name_valid(request->item)) {
		answer_problem(request, 404, "not-found", "there is no such volume");
		return NULL;
	}
	for (size_t i = 0; i < CONTENTS; i++) {
		if (contents[i].step == CONTENT_FREE)
			content = &contents[i];
	}
	if (!content) {
		answer_problem(request, 503, "busy",
			       "the content of %d volumes is being moved: try again", CONTENTS);
		return NULL;
	}
	*content = (struct content){
		.step = CONTENT_LOOKS, .number = ++content_last, .request = request->id};
	content->input.limit = 4 * CONTENT_WINDOW;
	snprintf(content->target, sizeof(content->target), "%s/%.*s", request->store,
		 NAME_BYTES - 1, request->item);
	request_actor(request, content->actor, sizeof(content->actor));
	request->left = content_leave;
	return content;
}

static void content_opened(struct content *content, json_t *row)
{
	struct request *request = request_find(content->request);

	content->stream = json_integer_value(json_object_get(row, "stream"));
	content->step = CONTENT_MOVES;
	if (!request) {
		content_refuse(content);
		return;
	}
	if (!content->upload)
		content_begin_answer(content, request);
	else if (!content->told)
		answer_taken(request, 0);
	content->told = true;
	content_push(content);
}

/* Begins a download, once the list of the store's volumes has come. */
static void content_looked_to_read(struct content *content, json_t *rows)
{
	const char *name = strchr(content->target, '/') + 1;
	json_t *row = volume_row(rows, name);

	if (!row)
		content_fail(content, 404, "not-found", "there is no such volume");
	else if (volume_is_own(rows, name))
		content_fail(content, 403, "own-vm",
			     "the VM in which this gateway runs uses the volume, or one that it "
			     "was made of: it would show the gateway's key, users and tokens");
	else
		content_open_read(content, row);
}

/*
 * Goes on with an upload or a digest once it is known whether the volume exists: for an upload, its
 * target or its unfinished part.
 */
static void content_looked(struct content *content, json_t *rows)
{
	const struct upload *upload = upload_find(content->part);
	json_t *row = json_array_get(rows, 0);

	if (!content->upload) {
		content_looked_to_read(content, rows);
	} else if (content->first == 0) {
		content_fail(content, 409, "exists",
			     "there is a volume of this name: drop it, or take another name");
	} else if (!upload || upload->volume != json_integer_value(json_object_get(row, "id"))) {
		content_fail(content, 409, "bad-state",
			     "it is not known how far the upload has come: begin at 0");
	} else {
		content_open_piece(content);
	}
}

static void content_digested(struct content *content, json_t *row)
{
	const char *sha256 = json_string_value(json_object_get(row, "sha256"));
	struct request *request;

	if (content->digest) {
		request = content_release(content);
		content_free(content);
		if (request)
			answer_json(request, 200, json_pack("{s:s?}", "sha256", sha256));
		return;
	}
	if (sha256 && !strcasecmp(sha256, content->sha256)) {
		content_name(content);
		return;
	}
	content_fail(content, 422, "bad-digest",
		     "what the volume holds has another SHA-256 than was said: it is kept as "
		     "VOLUME.part, upload it again from 0");
}

static void content_named(struct content *content)
{
	upload_forget(content->part);
	content_answer_upload(content);
}

static void content_go_on(struct content *content, json_t *rows)
{
	json_t *row = json_array_get(rows, 0);

	switch (content->step) {
	case CONTENT_LOOKS:
		content_looked(content, rows);
		break;
	case CONTENT_DROPS:
		content_make(content);
		break;
	case CONTENT_MAKES:
		upload_begin(content->part, json_integer_value(json_object_get(row, "id")),
			     content->total);
		content_open_piece(content);
		break;
	case CONTENT_OPENS:
		content_opened(content, row);
		break;
	case CONTENT_DIGESTS:
		content_digested(content, row);
		break;
	case CONTENT_NAMES:
		content_named(content);
		break;
	case CONTENT_MOVES:
	case CONTENT_FREE:
		break;
	}
}

/*
 * Returns whether Skerry refuses only because a volume is missing that need not exist at this step.
 */
static bool content_is_missing(const struct content *content, json_t *reply)
{
	const char *code = json_string_value(json_object_get(reply, "code"));

	return content->upload && content->first == 0 && code && !strcmp(code, "not-found") &&
	       (content->step == CONTENT_LOOKS || content->step == CONTENT_DROPS);
}

static void content_took(uint64_t number, json_t *reply)
{
	struct content *content = content_of(number);
	json_t *rows = json_object_get(reply, "result");

	if (!content)
		return;
	if (!content->request && content->step != CONTENT_OPENS) {
		content_free(content);
	} else if (rows) {
		content_go_on(content, rows);
	} else if (!content_is_missing(content, reply)) {
		content_fail_json(content, problem_of_reply(reply));
	} else if (content->step == CONTENT_LOOKS) {
		content_ask_about(content, CONTENT_DROPS, "volume drop", content->part);
	} else {
		content_make(content);
	}
}

/* Handles the end of a transfer's stream, whether the transfer is complete or broken off. */
static void content_closed(struct content *content, json_t *line)
{
	const char *reason = json_string_value(json_object_get(line, "reason"));
	const char *error = json_string_value(json_object_get(line, "error"));
	bool done = reason && !strcmp(reason, "done");
	struct request *request;

	if (done && content->upload) {
		content_piece_done(content);
		return;
	}
	content->stream = 0;
	if (!done || content->sent != content->end - content->first) {
		content_fail(content, 409, "failed", error ? error : "Skerry has ended the stream");
		return;
	}
	request = content_release(content);
	content_free(content);
	if (request)
		answer_end_stream(request, 0);
}

void content_line(json_t *line)
{
	struct content *content = content_find(json_object_get(line, "stream"));
	int64_t count;

	if (content) {
		content_output(content, line);
		return;
	}
	content = content_find(json_object_get(line, "credit"));
	if (content) {
		count = json_integer_value(json_object_get(line, "bytes"));
		if (count > 0 && count <= CONTENT_WINDOW)
			content->credit += (size_t)count;
		content_push(content);
		return;
	}
	content = content_find(json_object_get(line, "closed"));
	if (content)
		content_closed(content, line);
}

void content_link_lost(void)
{
	for (size_t i = 0; i < CONTENTS; i++) {
		contents[i].stream = 0;
		if (contents[i].step != CONTENT_FREE)
			content_fail(&contents[i], 503, "link-down",
				     "the link to Skerry was lost meanwhile");
	}
}
