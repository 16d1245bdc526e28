/* SPDX-License-Identifier: MIT */
/*
 * Sends the output of a run as it comes, as server-sent events (WHATWG HTML, 9.2): `run` with its
 * number, `stdout` and `stderr` with bytes, `end` with how it ended. run_wait.c calls it for each
 * client that follows a run; it reads the run and writes to the client.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/http/answer.h"
#include "gateway/core/live/run.h"

enum { RUN_STREAM_WINDOW = 65536, RUN_STREAM_PIECE = 4096 };

bool run_stream_wanted(const struct request *request)
{
	const char *accept = request_header(request, "accept");

	return accept && strstr(accept, "text/event-stream");
}

static void run_stream_send(struct request *request, const char *name, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(12));
	struct buffer event = {0};

	json_decref(value);
	if (text)
		buffer_format(&event, "event: %s\ndata: %s\n\n", name, text);
	free(text);
	if (event.count && !event.failed)
		answer_piece(request, true, event.bytes, event.count);
	buffer_free(&event);
}

void run_stream_begin(const struct run *run, struct request *request)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)run->number);
	answer_start_stream(request, STREAM_RUN, NULL);
	run_stream_send(request, "run", json_pack("{s:s}", "id", number));
}

/*
 * Returns how many of the bytes to send now: all but a UTF-8 character at their end of which only a
 * part has come.
 */
static size_t run_stream_whole(const char *bytes, size_t count)
{
	for (size_t back = 1; back <= 3 && back <= count; back++) {
		uint8_t byte = (uint8_t)bytes[count - back];

		if (byte >= 0xc0) {
			size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;

			return back < length ? count - back : count;
		}
		if (byte < 0x80)
			break;
	}
	return count;
}

/*
 * Sends the next piece of a run's stdout or stderr to a client. Returns false if there was nothing
 * to send.
 */
static bool run_stream_output(const struct run *run, struct request *request, const char *name,
			      const struct buffer *from, size_t *sent)
{
	size_t left = from->count - *sent;
	size_t count = left < RUN_STREAM_PIECE ? left : RUN_STREAM_PIECE;
	json_t *event;

	if (count && (left > count || run->state != RUN_DONE))
		count = run_stream_whole(from->bytes + *sent, count);
	if (count == 0)
		return false;
	event = json_object();
	run_json_output(event, name, from->bytes + *sent, count);
	run_stream_send(request, name, event);
	*sent += count;
	return true;
}

void run_stream_push(const struct run *run, struct run_waiting *waiting)
{
	struct request *request = request_find(waiting->id);
	bool more = true;
	json_t *end;

	if (!request) {
		waiting->id = 0;
		return;
	}
	while (more && request->outstanding < RUN_STREAM_WINDOW) {
		more = run_stream_output(run, request, "stdout", &run->out, &waiting->out);
		more |= run_stream_output(run, request, "stderr", &run->error, &waiting->error);
	}
	if (more || run->state != RUN_DONE)
		return;
	end = run_json(run, false);
	if (run->problem)
		json_object_set(end, "problem", run->problem);
	run_stream_send(request, "end", end);
	waiting->id = 0;
	answer_end_stream(request, 0);
}
