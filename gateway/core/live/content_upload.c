/* SPDX-License-Identifier: MIT */
/*
 * Uploads: the body of an HTTP request becomes streams of the link to Skerry (its machine channel),
 * a piece at a time. content.c calls it; it keeps a window of bytes for each upload, and does not
 * look at their contents.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/live/content.h"
#include "gateway/core/live/content_state.h"
#include "gateway/core/live/upload.h"
#include "gateway/link/link.h"

void content_make(struct content *content)
{
	char bytes[24];
	const char *words[] = {content->part, bytes, NULL};

	snprintf(bytes, sizeof(bytes), "%" PRId64, content->size);
	content_ask(content, CONTENT_MAKES, "volume create", words);
}

/* Has Skerry open the stream for the upload's next piece. */
void content_open_piece(struct content *content)
{
	char bytes[40], from[40];
	const char *words[] = {content->part, bytes, from, NULL};

	content->piece = content->end - content->at;
	if (content->piece > CONTENT_PIECE)
		content->piece = CONTENT_PIECE;
	content->sent = 0;
	content->end_sent = false;
	content->credit = 0;
	snprintf(bytes, sizeof(bytes), "bytes=%" PRId64, content->piece);
	snprintf(from, sizeof(from), "from=%" PRId64, content->at);
	content_ask(content, CONTENT_OPENS, "volume write", words);
}

void content_answer_upload(struct content *content)
{
	struct request *request = content_release(content);
	json_t *body =
		json_pack("{s:I, s:I, s:b}", "uploaded_bytes", (json_int_t)content->end, "bytes",
			  (json_int_t)content->total, "done", content->end == content->total);

	content_free(content);
	if (request)
		answer_json(request, 200, body);
	else
		json_decref(body);
}

void content_name(struct content *content)
{
	const char *words[] = {content->part, strchr(content->target, '/') + 1, NULL};

	content_ask(content, CONTENT_NAMES, "volume rename", words);
}

/*
 * Goes on with an upload when a piece is on the disk: with the next piece, the answer, the digest
 * or the final name.
 */
void content_piece_done(struct content *content)
{
	char bytes[40];
	const char *words[] = {content->part, bytes, NULL};

	content->stream = 0;
	content->at += content->piece;
	upload_note(content->part, content->at);
	if (!content->request) {
		content_free(content);
	} else if (content->at < content->end) {
		content_open_piece(content);
	} else if (content->end < content->total) {
		content_answer_upload(content);
	} else if (*content->sha256) {
		snprintf(bytes, sizeof(bytes), "bytes=%" PRId64, content->total);
		content_ask(content, CONTENT_DIGESTS, "volume digest", words);
	} else {
		content_name(content);
	}
}

/* Sends Skerry one line of the client's bytes that wait; returns how many bytes it had. */
static size_t content_push_line(struct content *content)
{
	size_t count = content->input.count;
	struct buffer text = {0};
	bool sent;

	if (count > content->credit)
		count = content->credit;
	if (count > CONTENT_LINE)
		count = CONTENT_LINE;
	if ((int64_t)count > content->piece - content->sent)
		count = (size_t)(content->piece - content->sent);
	if (!count)
		return 0;
	/* The line is made by hand, not by jansson: an upload spends most of its time here. */
	buffer_format(&text, "{\"stream\":%" PRId64 ",\"at\":%" PRId64 ",\"data\":\"",
		      content->stream, content->sent);
	base64_add(&text, (uint8_t *)content->input.bytes, count);
	buffer_text(&text, "\"}");
	sent = !text.failed && link_tell_text(text.bytes, text.count);
	buffer_free(&text);
	if (!sent)
		return 0;
	buffer_take(&content->input, count);
	content->credit -= count;
	content->sent += (int64_t)count;
	return count;
}

/* Sends Skerry as many of the client's bytes as it takes, and lets the client send as many more. */
void content_push(struct content *content)
{
	struct request *request = request_find(content->request);
	size_t taken = 0, count;

	if (!request || content->step != CONTENT_MOVES || !content->upload)
		return;
	while ((count = content_push_line(content)) != 0)
		taken += count;
	if (content->sent == content->piece && !content->end_sent)
		content->end_sent =
			link_tell(json_pack("{s:I, s:I}", "stream", (json_int_t)content->stream,
					    "end", (json_int_t)content->sent));
	if (taken)
		answer_taken(request, (uint32_t)taken);
}

void content_data(struct request *request, const char *bytes, size_t count)
{
	struct content *content = content_of_request(request);

	if (!content || !content->upload) {
		answer_taken(request, (uint32_t)count);
		return;
	}
	buffer_add(&content->input, bytes, count);
	if (content->input.failed)
		content_fail(content, 503, "no-memory", "the gateway has no memory for this");
	else
		content_push(content);
}
