/* SPDX-License-Identifier: MIT */
/*
 * Handlers of files in sandboxes. Each has the sandbox's init do what is asked (iso/init/act.c), as
 * a command does: its output is what a file or a folder has, which whoever is in the sandbox may
 * have forged, and is read as such.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/core/api/api.h"
#include "gateway/core/api/run.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/live/sandbox.h"

enum {
	FILE_WAIT_S = 50,
	FILE_WALL_S = 60,
	FILE_PATH = 1024,
	FILE_ITEMS = 4096, /* the most that are listed */
	FILE_DEPTH = 8,
};

/* Answers for what was not done. Returns false if it was. */
static bool file_failed(const struct run *run, struct request *request)
{
	/* by enum act_end of iso/init/gate.h */
	static const struct {
		unsigned status;
		const char *code, *detail;
	} ends[] = {
		[1] = {422, "failed", "the sandbox's Linux does not do that"},
		[2] = {404, "no-file", "there is nothing at that path"},
		[3] = {422, "bad-argument", "there is a folder, or no regular file, at that path"},
		[4] = {403, "forbidden", "the user in the sandbox may not do that"},
		[5] = {507, "no-room", "there is no room left in the sandbox"},
		[6] = {409, "exists", "there is something at that path already"},
	};
	bool ended = run->result && !strcmp(run->result, "exit");

	if (ended && run->code == 0)
		return false;
	if (!run->result)
		answer_problem(request, 504, "timeout",
			       "the sandbox has not done it: it may still do so");
	else if (!strcmp(run->result, "out-of-output"))
		answer_problem(request, 422, "bad-argument", "that has more than %d bytes",
			       RUN_OUTPUT_MAX);
	else if (ended && run->code > 0 && (size_t)run->code < ARRAY_COUNT(ends))
		answer_problem(request, ends[run->code].status, ends[run->code].code, "%s",
			       ends[run->code].detail);
	else if (ended && run->code == 126)
		answer_problem(request, 422, "bad-argument",
			       "the image has no such user, or no such directory");
	else
		answer_problem(request, 409, "failed", "the sandbox has not done it: %s",
			       run->result);
	return true;
}

/*
 * Reads one entry of what act_say() of the init says, and adds it to the list. Returns what is
 * behind it, or NULL when it is none.
 */
static const char *file_take(json_t *items, const char *at, const char *end)
{
	static const struct {
		char letter;
		const char *name;
	} kinds[] = {{'f', "file"}, {'d', "folder"}, {'l', "link"}, {'o', "other"}};
	unsigned long long number[5]; /* mode, user, group, bytes, seconds */
	const char *kind = NULL, *path, *target;
	char *next;

	if (end - at < 2 || !memchr(at + 2, 0, (size_t)(end - at - 2)))
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		kind = kinds[i].letter == *at ? kinds[i].name : kind;
	at += 2;
	for (size_t i = 0; i < ARRAY_COUNT(number); i++) {
		number[i] = strtoull(at, &next, i ? 10 : 8);
		if (next == at || *next != ' ' || number[i] > INT64_MAX)
			return NULL;
		at = next + 1;
	}
	path = at;
	at += strlen(at) + 1;
	if (!kind || at >= end || !memchr(at, 0, (size_t)(end - at)))
		return NULL;
	target = at;
	at += strlen(at) + 1;
	/* A name that is no text cannot be said in JSON: it is left out. */
	if (utf8_valid((const uint8_t *)path, strlen(path)) &&
	    utf8_valid((const uint8_t *)target, strlen(target)))
		json_array_append_new(
			items,
			json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s?}", "path", path, "type",
				  kind, "mode", (json_int_t)(number[0] & 07777), "user",
				  (json_int_t)number[1], "group", (json_int_t)number[2], "bytes",
				  (json_int_t)number[3], "modified", (json_int_t)number[4],
				  "target", *target ? target : NULL));
	return at;
}

static void file_answer_items(const struct run *run, struct request *request)
{
	const char *at = run->out.bytes, *end = at + run->out.count;
	json_t *items;

	if (file_failed(run, request))
		return;
	items = json_array();
	while (at && at < end && json_array_size(items) < FILE_ITEMS)
		at = file_take(items, at, end);
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

static void file_answer_bytes(const struct run *run, struct request *request)
{
	if (!file_failed(run, request))
		answer_bytes(request, 200, "application/octet-stream",
			     run->out.count ? run->out.bytes : "", run->out.count);
}

static void file_answer_written(const struct run *run, struct request *request)
{
	if (!file_failed(run, request))
		answer_json(request, 200, json_pack("{s:b}", "changed", true));
}

static void file_answer_too_large(const struct run *run, struct request *request)
{
	(void)run;
	answer_problem(request, 413, "too-large", "a file has at most %d bytes", RUN_FILE);
}

static bool file_path_valid(const char *path)
{
	return path && *path && strlen(path) < FILE_PATH;
}

/*
 * Has the sandbox of the path do something with files, and lets the request wait for it. Returns
 * NULL if the request has been answered.
 */
static struct run *file_begin(struct request *request, const char *act, const char *path,
			      const char *second, const char *user,
			      void (*answers)(const struct run *run, struct request *request))
{
	struct run_order order = {
		.limits = {.wall_s = FILE_WALL_S, .output_bytes = RUN_OUTPUT_MAX},
		.words.limit = API_RUN_WORDS,
		.input_open = !strcmp(act, "write"),
	};
	struct run *box = sandbox_ready(request), *run;

	if (!box)
		return NULL;
	if (!file_path_valid(path) || (second && !file_path_valid(second)) ||
	    (user && !api_sandbox_user_valid(user))) {
		answer_problem(request, 422, "bad-argument",
			       "a file is named by \"path\", of up to %d bytes, and \"user\" is a "
			       "name, or UID:GID",
			       FILE_PATH - 1);
		return NULL;
	}
	api_run_word(&order.words, 'f', "", act);
	if (user)
		api_sandbox_user(&order.words, user);
	api_run_word(&order.words, 'a', "", path);
	if (second)
		api_run_word(&order.words, 'a', "", second);
	run = sandbox_run(request, box, &order);
	if (!run) {
		buffer_free(&order.words);
		return NULL;
	}
	run->answers = answers;
	run->quiet = true;
	run_wait(run, request, FILE_WAIT_S);
	return run;
}

void api_sandbox_files(struct request *request)
{
	static const char *const acts[] = {"list", "stat", "make", "remove", "move"};
	const struct field *field = fields_below(&request->fields, "body", "depth");
	int64_t depth = field ? number_read(field->value, -1, FILE_DEPTH) : 1;
	const char *act = request_text(request, "action"), *second = NULL;
	char digit[4];
	size_t place = 0;
	struct run *run;

	while (act && place < ARRAY_COUNT(acts) && strcmp(acts[place], act))
		place++;
	if (!act || place == ARRAY_COUNT(acts) || depth < 1) {
		answer_problem(request, 422, "bad-argument",
			       "\"action\" must be one of list, stat, make, remove and move, and "
			       "\"depth\" a number from 1 to %d",
			       FILE_DEPTH);
		return;
	}
	snprintf(digit, sizeof(digit), "%d", (int)depth);
	if (!strcmp(act, "list"))
		second = digit;
	else if (!strcmp(act, "move"))
		second = request_text(request, "to") ? request_text(request, "to") : "";
	run = file_begin(request, acts[place], request_text(request, "path"), second,
			 request_text(request, "user"), file_answer_items);
	if (run)
		run_answer_all(run, clock_now_s());
}

void api_sandbox_read(struct request *request)
{
	struct run *run = file_begin(request, "read", request_query(request, "path"), NULL,
				     request_query(request, "user"), file_answer_bytes);

	if (run)
		run_answer_all(run, clock_now_s());
}

/* Ends the writing of a file whose sender has gone. */
static void file_left(struct request *request)
{
	struct run *run = run_find(request->run);

	if (run && run->input_open)
		run_stop(run, "stopped");
}

void api_sandbox_write(struct request *request)
{
	const char *text = fields_get(&request->fields, "length");
	/* Of a form it is not known before its end, which MESSAGE_LAST says. */
	bool open = text && !strcmp(text, "unknown");
	int64_t length = open ? RUN_FILE + 1 : number_read(text, -1, RUN_FILE);
	struct run *run;

	if (length < 0) {
		answer_problem(request, 413, "too-large",
			       "send the length of the body in Content-Length: a file has at most "
			       "%d bytes",
			       RUN_FILE);
		return;
	}
	run = file_begin(request, "write", request_query(request, "path"), NULL,
			 request_query(request, "user"), file_answer_written);
	if (!run)
		return;
	request->run = run->number;
	request->left = file_left;
	request->run_left = (size_t)length;
	request->run_open = open;
	run->input_open = length > 0;
	answer_taken(request, 0);
	run_answer_all(run, clock_now_s());
}

void api_sandbox_data(struct request *request, const char *bytes, size_t count, bool last)
{
	struct run *run = run_find(request->run);

	answer_taken(request, (uint32_t)count);
	if (!run || run->result || !run->input_open || count > request->run_left)
		return;
	buffer_add(&run->input, bytes, count);
	request->run_left -= count;
	run->input_open = request->run_left > 0 && !last;
	if (request->run_left == 0 && request->run_open) {
		run->answers = file_answer_too_large;
		run_stop(run, "stopped");
		return;
	}
	run_frame_push(run);
}
