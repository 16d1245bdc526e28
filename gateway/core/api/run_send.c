/* SPDX-License-Identifier: MIT */
/*
 * Handlers of what the owner of a run sends it while its command runs: input, the size of its
 * terminal, files. None of it is in the audit, which has the run's beginning.
 */
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/core/api/api.h"
#include "gateway/core/api/run.h"
#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"

/* Returns the number body.NAME, 0 if there is none, or -1 if it is no number from 0 to `most`. */
static int64_t run_number_of(const struct request *request, const char *name, int64_t most)
{
	const struct field *field = fields_below(&request->fields, "body", name);

	if (!field)
		return 0;
	return field->type == FIELD_NUMBER ? number_read(field->value, -1, most) : -1;
}

static void run_changed(struct run *run, struct request *request)
{
	run_frame_push(run);
	answer_json(request, 200, json_pack("{s:b}", "changed", true));
}

/*
 * Adds the bytes of base64 `text` (NULL: none) to the buffer. Returns false when the text is no
 * base64.
 */
static bool run_add_bytes(struct buffer *to, const char *text)
{
	return !text || base64_decode(to, text, strlen(text));
}

void api_run_input(struct request *request)
{
	struct run *run = api_run_own(request);

	if (!run)
		return;
	if (run->result || !run->input_open) {
		answer_problem(request, 409, "bad-state", "the run takes no more input");
	} else if (run->input.count > RUN_INPUT) {
		answer_retry_after(request, 1);
		answer_problem(request, 429, "busy", "%d bytes wait for the command already",
			       RUN_INPUT);
	} else if (!run_add_bytes(&run->input, request_text(request, "data_base64"))) {
		answer_problem(request, 422, "bad-argument", "\"data_base64\" is no base64");
	} else {
		run->input_open = !request_true(request, "end");
		run_changed(run, request);
	}
}

void api_run_resize(struct request *request)
{
	struct run *run = api_run_own(request);
	int64_t rows = run_number_of(request, "rows", RUN_SIDE);
	int64_t columns = run_number_of(request, "columns", RUN_SIDE);

	if (!run)
		return;
	if (run->result || !run->rows) {
		answer_problem(request, 409, "bad-state",
			       run->result ? "the run has ended"
					   : "the run has no terminal: it was begun without one");
	} else if (rows < 1 || columns < 1) {
		answer_problem(request, 422, "bad-argument", "%s", run_size_wrong);
	} else {
		run->rows = (unsigned)rows;
		run->columns = (unsigned)columns;
		run->resized = true;
		run_changed(run, request);
	}
}

/* Makes what the init gets of a piece of a file: place, path, NUL, bytes. False: it is wrong. */
static bool run_file_piece(struct request *request, struct buffer *piece)
{
	const char *path = request_text(request, "path");
	int64_t at = run_number_of(request, "at", RUN_FILE);
	uint8_t place[4];
	size_t head;

	if (!path || *path != '/' || strlen(path) >= RUN_WANTED_PATH || at < 0)
		return false;
	for (int i = 0; i < 4; i++)
		place[i] = (uint8_t)(at >> 8 * i);
	buffer_add(piece, place, sizeof(place));
	buffer_add(piece, path, strlen(path) + 1);
	head = piece->count;
	return run_add_bytes(piece, request_text(request, "data_base64")) && !piece->failed &&
	       (size_t)at + piece->count - head <= RUN_FILE;
}

/* Returns why the run takes no file now, or NULL. */
static const char *run_file_refused(const struct run *run)
{
	if (run->result || run->state != RUN_UNDER_WAY)
		return run->result ? "the run has ended" : "the command does not run yet";
	if (run->link.version < RUN_VERSION_TERMINAL)
		return "the template's init is too old to take files while a command runs: make "
		       "the template anew";
	return NULL;
}

void api_run_file(struct request *request)
{
	struct run *run = api_run_own(request);
	struct buffer piece = {0};
	const char *refused = run ? run_file_refused(run) : NULL;

	if (!run)
		return;
	if (refused) {
		answer_problem(request, 409, "bad-state", "%s", refused);
	} else if (run->put.awaited) {
		answer_retry_after(request, 1);
		answer_problem(request, 429, "busy", "another piece of a file is under way");
	} else if (!run_file_piece(request, &piece)) {
		answer_problem(
			request, 422, "bad-argument",
			"a piece of a file is \"path\" (absolute, up to 255 bytes), \"at\" (a "
			"place in the file) and \"data_base64\"; the file has at most 1048576 "
			"bytes");
	} else {
		run_put_begin(run, request, &piece);
	}
	buffer_free(&piece);
}

void api_run_signal(struct request *request)
{
	struct run *run = api_run_own(request);
	int64_t number = run_number_of(request, "signal", 64);

	if (!run)
		return;
	if (run->result) {
		answer_problem(request, 409, "bad-state", "the run has ended");
	} else if (number < 1) {
		answer_problem(request, 422, "bad-argument",
			       "\"signal\" must be a number from 1 to 64");
	} else {
		/* A command that does not run yet gets it when it does; of several the last. */
		if (run->state == RUN_UNDER_WAY)
			run_frame_signal(run, (uint8_t)number);
		else
			run->signal = (uint8_t)number;
		run_changed(run, request);
	}
}
