/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 as a client speaks it: one request, its answer, chunks, a limit of time for each read.
 * Commands call it through cli_ask(); it uses the connection that net.c has opened.
 */
#include "gateway/cli/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/string.h"

#define ANSWER_MS 60000

static bool http_fail(struct http *http, const char *why)
{
	string_copy(http->net.error, sizeof(http->net.error), why);
	return false;
}

const char *http_segment(const char *word)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~.";
	static char out[512];
	size_t used = 0;

	/* "." and ".." would be taken as steps within the path, not as names. */
	if (strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return word[1] ? "%2E%2E" : "%2E";
	for (; *word && used + 4 < sizeof(out); word++) {
		if (strchr(plain, *word))
			out[used++] = *word;
		else
			used += (size_t)snprintf(out + used, 4, "%%%02X", (unsigned char)*word);
	}
	out[used] = 0;
	return out;
}

/*
 * Reads from the connection if `in` is empty. Returns 1 or more when there is a byte in `in`, else
 * a net_result.
 */
static int http_fill(struct http *http, int timeout_ms)
{
	int got;

	if (http->in_at < http->in_count)
		return 1;
	got = net_read(&http->net, http->in, sizeof(http->in), timeout_ms);
	http->in_at = 0;
	http->in_count = got > 0 ? (size_t)got : 0;
	return got;
}

int http_raw(struct http *http, void *bytes, size_t size, int timeout_ms)
{
	int got = http_fill(http, timeout_ms);
	size_t have = http->in_count - http->in_at;

	if (got <= 0)
		return got;
	if (have > size)
		have = size;
	memcpy(bytes, http->in + http->in_at, have);
	http->in_at += have;
	return (int)have;
}

/* Reads one line of a head, of at most size - 1 bytes, without its line end. */
static bool http_read_line(struct http *http, char *line, size_t size)
{
	size_t used = 0;

	for (;;) {
		int got = http_fill(http, http->answer_ms ? http->answer_ms : ANSWER_MS);
		char byte;

		if (got == NET_END)
			return http_fail(http, "the connection ended within an answer");
		if (got < 0)
			return got == NET_TIMEOUT ? http_fail(http, "no answer in time") : false;
		byte = http->in[http->in_at++];
		if (byte == '\n')
			break;
		if (used + 1 >= size)
			return http_fail(http, "a line of the answer is too long");
		line[used++] = byte;
	}
	if (used > 0 && line[used - 1] == '\r')
		used--;
	line[used] = 0;
	return true;
}

static void http_keep(char *to, size_t size, const char *value)
{
	if (strlen(value) < size)
		string_copy(to, size, value);
}

static bool http_take_header(struct http *http, struct http_answer *answer, char *line)
{
	char *value = strchr(line, ':');
	char *end;

	if (value == NULL)
		return http_fail(http, "the answer is not HTTP");
	*value++ = 0;
	value += strspn(value, " \t");
	if (strcasecmp(line, "content-length") == 0) {
		unsigned long long length = strtoull(value, &end, 10);

		if (*value < '0' || *value > '9' || *end != 0 || length > HTTP_BODY_LIMIT)
			return http_fail(http, "the answer has a length that is not allowed");
		http->left = (size_t)length;
		http->until_end = false;
	} else if (strcasecmp(line, "transfer-encoding") == 0) {
		http->chunked = strcasecmp(value, "chunked") == 0;
		http->until_end = !http->chunked;
	} else if (strcasecmp(line, "connection") == 0) {
		answer->closes = strcasecmp(value, "close") == 0;
	} else if (strcasecmp(line, "etag") == 0) {
		http_keep(answer->etag, sizeof(answer->etag), value);
	} else if (strcasecmp(line, "location") == 0) {
		http_keep(answer->location, sizeof(answer->location), value);
	} else if (strcasecmp(line, "report-signature") == 0) {
		http_keep(answer->signature, sizeof(answer->signature), value);
	} else if (strcasecmp(line, "sec-websocket-accept") == 0) {
		http_keep(answer->accept, sizeof(answer->accept), value);
	}
	return true;
}

static bool http_read_head(struct http *http, struct http_answer *answer)
{
	char line[4096];
	size_t total = 0;

	do {
		memset(answer, 0, sizeof(*answer));
		http->chunked = false;
		http->until_end = true;
		http->left = 0;
		http->done = false;
		if (!http_read_line(http, line, sizeof(line)))
			return false;
		if (sscanf(line, "HTTP/1.1 %3d", &answer->status) != 1)
			return http_fail(http, "the answer is not HTTP/1.1");
		for (;;) {
			if (!http_read_line(http, line, sizeof(line)))
				return false;
			total += strlen(line) + 2;
			if (line[0] == 0)
				break;
			if (total > HTTP_HEADERS_LIMIT)
				return http_fail(http, "the answer's headers are too long");
			if (!http_take_header(http, answer, line))
				return false;
		}
	} while (answer->status == 100 || answer->status == 103);
	if (answer->status == 204 || answer->status == 304) {
		http->until_end = false;
		http->chunked = false;
		http->left = 0;
	}
	http->done = !http->until_end && !http->chunked && http->left == 0;
	return true;
}

/* Sends the head of a request, with the token, and the body if there is one. */
static bool http_send(struct http *http, const char *method, const char *path, const char *headers,
		      const char *type, uint64_t bytes, const char *body)
{
	bool secret = http->token[0] != 0;
	char *request = NULL;
	bool sent;
	int size;

	size = asprintf(&request,
			"%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: skerryctl\r\n%s%s%s%s"
			"%s%s%sContent-Length: %llu\r\n\r\n%s",
			method, path, http->authority, secret ? "Authorization: Bearer " : "",
			secret ? http->token : "", secret ? "\r\n" : "",
			headers != NULL ? headers : "", type != NULL ? "Content-Type: " : "",
			type != NULL ? type : "", type != NULL ? "\r\n" : "",
			(unsigned long long)bytes, body != NULL ? body : "");
	if (size < 0)
		return http_fail(http, "no memory");
	sent = net_write(&http->net, request, (size_t)size);
	explicit_bzero(request, (size_t)size);
	free(request);
	return sent;
}

bool http_begin_upload(struct http *http, const char *path, const char *headers, uint64_t bytes)
{
	return http_send(http, "PUT", path, headers, "application/octet-stream", bytes, NULL);
}

bool http_begin(struct http *http, const char *method, const char *path, const char *headers,
		const json_t *body, struct http_answer *answer)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	const char *type = text == NULL			  ? NULL
			   : strcmp(method, "PATCH") == 0 ? "application/merge-patch+json"
							  : "application/json";
	bool sent =
		http_send(http, method, path, headers, type, text != NULL ? strlen(text) : 0, text);

	free(text);
	return sent && http_read_head(http, answer);
}

/*
 * Reads the size line of the next chunk; a chunk of 0 bytes ends the body and is followed by
 * trailers.
 */
static bool http_next_chunk(struct http *http)
{
	char line[256];
	char *end;
	unsigned long size;

	if (!http_read_line(http, line, sizeof(line)))
		return false;
	size = strtoul(line, &end, 16);
	if (end == line || (*end != 0 && *end != ';') || size > HTTP_BODY_LIMIT)
		return http_fail(http, "a chunk of the answer has a size that is not allowed");
	http->left = size;
	if (size > 0)
		return true;
	http->done = true;
	do {
		if (!http_read_line(http, line, sizeof(line)))
			return false;
	} while (line[0]);
	return true;
}

int http_body(struct http *http, char *bytes, size_t size, int timeout_ms)
{
	char end[8];
	int got;

	if (http->done)
		return NET_END;
	if (http->chunked && http->left == 0) {
		/*
		 * The caller's time limit holds for a chunk's first byte only, the usual limit for
		 * the others.
		 */
		got = http_fill(http, timeout_ms);
		if (got <= 0)
			return got;
		if (!http_next_chunk(http))
			return NET_ERROR;
		if (http->done)
			return NET_END;
	}
	if (!http->until_end && size > http->left)
		size = http->left;
	got = http_raw(http, bytes, size, timeout_ms);
	if (got <= 0) {
		http->done = got == NET_END && http->until_end;
		return got == NET_END && !http->until_end ? NET_ERROR : got;
	}
	if (!http->until_end)
		http->left -= (size_t)got;
	if (http->left == 0 && http->chunked && !http_read_line(http, end, sizeof(end)))
		return NET_ERROR;
	if (http->left == 0 && !http->chunked && !http->until_end)
		http->done = true;
	return got;
}

char *http_take_text(struct http *http, size_t *count)
{
	char *text = NULL;
	size_t used = 0;
	size_t room = 0;
	int got = 0;

	do {
		if (room - used < 4096) {
			char *larger = realloc(text, room += 65536);

			if (larger == NULL || room > HTTP_BODY_LIMIT) {
				free(larger != NULL ? larger : text);
				http_fail(http, "the answer is too large");
				return NULL;
			}
			text = larger;
		}
		got = http->done ? 0 : http_body(http, text + used, room - used, ANSWER_MS);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	*count = used;
	if (got >= 0)
		return text;
	free(text);
	http_fail(http, got == NET_TIMEOUT ? "no answer in time"
					   : "the connection ended within an answer");
	return NULL;
}

bool http_take_body(struct http *http, struct http_answer *answer)
{
	json_error_t error;
	size_t count;
	char *text = http_take_text(http, &count);

	if (text == NULL)
		return false;
	answer->json = count > 0 ? json_loadb(text, count, JSON_DECODE_ANY, &error) : NULL;
	free(text);
	if (count > 0 && answer->json == NULL && answer->status < 300)
		return http_fail(http, "the answer is not JSON; is that a skerryd?");
	return true;
}

bool http_exchange(struct http *http, const char *method, const char *path, const char *headers,
		   const json_t *body, struct http_answer *answer)
{
	return http_begin(http, method, path, headers, body, answer) &&
	       http_take_body(http, answer);
}

bool http_end_upload(struct http *http, struct http_answer *answer)
{
	bool read;

	/* The server may read the whole upload back to compute its digest before it answers. */
	http->answer_ms = -1;
	read = http_read_head(http, answer) && http_take_body(http, answer);
	http->answer_ms = 0;
	return read;
}
