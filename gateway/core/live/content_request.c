/* SPDX-License-Identifier: MIT */
/*
 * The handlers of volumes' contents: they read and check a client's request, and begin the
 * transfer. The table of routes names them.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/live/content.h"
#include "gateway/core/live/content_state.h"
#include "gateway/core/live/upload.h"

/* Reads a number up to `end`, which has to follow it; returns -1 if there is none. */
static int64_t content_number(const char **text, char end)
{
	size_t length = strspn(*text, "0123456789");
	char digits[24];
	int64_t value;

	if (length == 0 || length >= sizeof(digits) || (*text)[length] != end)
		return -1;
	snprintf(digits, sizeof(digits), "%.*s", (int)length, *text);
	value = number_read(digits, -1, INT64_MAX / 16);
	*text += length + (end != 0);
	return value;
}

/*
 * Reads Content-Range: bytes FIRST-LAST/TOTAL (RFC 9110, 14.4); without this header the body is the
 * whole volume.
 */
static bool content_read_range(struct content *content, const char *range, int64_t length)
{
	int64_t last;

	content->end = content->total = length;
	if (!range)
		return length > 0;
	if (strncmp(range, "bytes ", 6))
		return false;
	range += 6;
	content->first = content_number(&range, '-');
	last = content->first < 0 ? -1 : content_number(&range, '/');
	content->total = last < 0 ? -1 : content_number(&range, 0);
	content->end = last + 1;
	return content->first >= 0 && last >= content->first && content->total > last &&
	       content->end - content->first == length;
}

static bool content_read_sha256(struct content *content, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (text &&
	    (length != CONTENT_SHA256 || strspn(text, "0123456789abcdefABCDEF") != CONTENT_SHA256))
		return false;
	if (text)
		string_copy(content->sha256, sizeof(content->sha256), text);
	return true;
}

/* Reads the headers of an upload. Returns a sentence about the first mistake, or NULL. */
static const char *content_read_upload(struct content *content, const struct request *request)
{
	int64_t length = number_read(fields_get(&request->fields, "length"), -1, CONTENT_MOST);
	int64_t all;

	if (length < 0)
		return "send the length of the body in Content-Length, at most 1 TiB";
	if (strlen(request->item) + strlen(UPLOAD_END) >= NAME_BYTES)
		return "the name of a volume that is uploaded has at most 26 characters";
	if (upload_is_part(request->item))
		return "names that end in .part are those of unfinished uploads: take another one";
	if (!content_read_range(content, request_header(request, "content-range"), length))
		return "send one byte or more, with Content-Range: bytes FIRST-LAST/TOTAL that "
		       "fits the length of the body, or without one";
	if (content->first % CONTENT_STEP ||
	    (content->end != content->total && content->end % CONTENT_STEP))
		return "a piece begins and ends at a multiple of 4096 bytes, or at the end of all";
	if (!content_read_sha256(content, request_query(request, "sha256")))
		return "\"sha256\" is the SHA-256 of all that is uploaded, in 64 hex digits";
	all = (content->total + CONTENT_STEP - 1) / CONTENT_STEP * CONTENT_STEP;
	content->size = number_read(request_query(request, "size"), all, CONTENT_MOST);
	if (content->size < content->total)
		return "\"size\" is the volume's, in bytes: it has to hold all that is uploaded";
	return NULL;
}

void content_put(struct request *request)
{
	struct content *content = content_place(request);
	const struct upload *upload;
	const char *wrong;
	char detail[120];

	if (!content)
		return;
	content->upload = true;
	wrong = content_read_upload(content, request);
	if (wrong) {
		content_fail(content, 422, "bad-argument", wrong);
		return;
	}
	strcat(strcpy(content->part, content->target), UPLOAD_END);
	content->at = content->first;
	if (content_is_uploaded(content)) {
		content_fail(content, 409, "busy",
			     "another upload into this volume is under way: wait for it");
		return;
	}
	upload = content->first ? upload_find(content->part) : NULL;
	if (upload && (upload->at != content->first || upload->total != content->total)) {
		snprintf(detail, sizeof(detail),
			 "the upload of %" PRId64 " bytes has come to %" PRId64 ": go on there",
			 upload->total, upload->at);
		content_fail(content, 409, "bad-state", detail);
		return;
	}
	content_ask_about(content, CONTENT_LOOKS, "volume list",
			  content->first ? content->part : content->target);
}

void content_get(struct request *request)
{
	const char *range = request_header(request, "range");
	struct content *content = content_place(request);
	bool good = true;

	if (!content)
		return;
	content->end = -1;
	if (range) {
		good = !strncmp(range, "bytes=", 6);
		range += good ? 6 : 0;
		content->first = good ? content_number(&range, '-') : -1;
		if (good && *range)
			content->end = content_number(&range, 0) + 1;
		good = content->first >= 0 && content->first % CONTENT_STEP == 0 &&
		       content->end != 0;
	}
	if (!good || !strcmp(fields_get(&request->fields, "method"), "HEAD"))
		content_fail(content, good ? 405 : 416, good ? "bad-method" : "bad-argument",
			     good ? "ask for the volume itself to see its size"
				  : "use one Range: bytes=FIRST- or FIRST-LAST, where FIRST "
				    "is a multiple of 4096");
	else
		content_ask_about(content, CONTENT_LOOKS, "volume list",
				  *host.own ? request->store : content->target);
}

void content_digest(struct request *request)
{
	struct content *content = content_place(request);

	if (!content)
		return;
	content->digest = true;
	content_ask_about(content, CONTENT_DIGESTS, "volume digest", content->target);
}
