/* SPDX-License-Identifier: MIT */
/*
 * Downloads: a stream of the link becomes the body of an answer. content.c and core's main function
 * call it; bytes that the client has not taken count against Skerry's credit.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/core/http/answer.h"
#include "gateway/core/live/content.h"
#include "gateway/core/live/content_state.h"
#include "gateway/link/link.h"

void content_open_read(struct content *content, json_t *row)
{
	char bytes[40], from[40];
	const char *words[] = {content->target, bytes, from, NULL};

	content->size = json_integer_value(json_object_get(row, "bytes"));
	if (content->end < 0 || content->end > content->size)
		content->end = content->size;
	if (content->first >= content->end) {
		content_fail(content, 416, "bad-argument",
			     "the range begins behind the volume's end");
		return;
	}
	snprintf(bytes, sizeof(bytes), "bytes=%" PRId64, content->end - content->first);
	snprintf(from, sizeof(from), "from=%" PRId64, content->first);
	content_ask(content, CONTENT_OPENS, "volume read", words);
}

static void content_give(struct content *content, const struct request *request)
{
	size_t room = CONTENT_WINDOW - content->given;

	if (request->outstanding >= room || room - request->outstanding < CONTENT_WINDOW / 4)
		return;
	room -= request->outstanding;
	if (link_tell(json_pack("{s:I, s:I}", "credit", (json_int_t)content->stream, "bytes",
				(json_int_t)room)))
		content->given += room;
}

void content_consumed(struct request *request, size_t count)
{
	struct content *content = content_of_request(request);

	request->outstanding -= count < request->outstanding ? count : request->outstanding;
	if (content && content->step == CONTENT_MOVES && !content->upload)
		content_give(content, request);
}

void content_begin_answer(struct content *content, struct request *request)
{
	bool part = content->first != 0 || content->end != content->size;
	char text[96];

	snprintf(text, sizeof(text), "%" PRId64, content->end - content->first);
	answer_header(request, "Content-Length", text);
	snprintf(text, sizeof(text), "bytes %" PRId64 "-%" PRId64 "/%" PRId64, content->first,
		 content->end - 1, content->size);
	if (part)
		answer_header(request, "Content-Range", text);
	answer_start_content(request, part ? 206 : 200);
	content_give(content, request);
}

void content_output(struct content *content, json_t *line)
{
	struct request *request = request_find(content->request);
	json_t *data = json_object_get(line, "data"), *end = json_object_get(line, "end");
	uint8_t bytes[CONTENT_LINE];
	long count;

	if (!request || content->upload)
		return;
	if (json_is_integer(end)) {
		link_tell(
			json_pack("{s:I, s:O}", "stream", (json_int_t)content->stream, "end", end));
		return;
	}
	count = link_data(data, bytes, sizeof(bytes));
	if (count < 0 || (size_t)count > content->given ||
	    count > content->end - content->first - content->sent) {
		link_counters.garbage_lines++;
		content_fail(content, 502, "failed", "Skerry has sent what it should not");
		return;
	}
	content->given -= (size_t)count;
	content->sent += count;
	answer_piece(request, false, (char *)bytes, (size_t)count);
}
