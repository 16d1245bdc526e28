/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "gateway/cli/net.h"

#define HTTP_HEADERS_LIMIT 16384
#define HTTP_BODY_LIMIT	   (16u << 20)

/* HTTP/1.1 (RFC 9112), the client's side, one request at a time over a connection that is kept. */
struct http {
	struct net net;
	char authority[300]; /* the host and port for the header Host */
	char origin[320];
	char token[256]; /* the token of the user; empty: there is none */
	char in[HTTP_HEADERS_LIMIT];
	size_t in_count;
	size_t in_at;
	bool chunked;
	bool until_end; /* the answer's body ends where the connection ends */
	/* the bytes of the answer's body, or of its present chunk, that are still to be read */
	size_t left;
	bool done;
	/* how long an answer's head may take, in ms; 0: the usual time, -1: for ever */
	int answer_ms;
};

struct http_answer {
	int status;
	char etag[128];
	char location[256];
	char signature[1024]; /* the value of Report-Signature; "": there is none */
	char accept[64];      /* the value of Sec-WebSocket-Accept */
	bool closes;
	json_t *json; /* the body as JSON, which the caller frees; NULL: the body is no JSON */
};

/* Sends a request and reads the answer's head; the body is left for http_body. */
bool http_begin(struct http *http, const char *method, const char *path, const char *headers,
		const json_t *body, struct http_answer *answer);

/* Reads the next bytes of the body. Returns how many, or a net_result. */
int http_body(struct http *http, char *bytes, size_t size, int timeout_ms);

/*
 * Reads bytes that follow the head: of the body, or of the protocol after an upgrade. Returns how
 * many, or a net_result.
 */
int http_raw(struct http *http, void *bytes, size_t size, int timeout_ms);

/*
 * Sends the head of a PUT whose body of `bytes` bytes the caller writes; http_end_upload() then
 * reads the answer. Each line of `headers` ends with CR LF. Returns false if the head could not be
 * sent.
 */
bool http_begin_upload(struct http *http, const char *path, const char *headers, uint64_t bytes);
bool http_end_upload(struct http *http, struct http_answer *answer);

/*
 * Reads the body of an answer whose head was read, which the caller frees. Returns NULL, with
 * http->net.error set, when it did not come whole.
 */
char *http_take_text(struct http *http, size_t *count);
/* Reads the body of an answer whose head was read, as JSON. Returns false as http_exchange does. */
bool http_take_body(struct http *http, struct http_answer *answer);

/*
 * Sends a request and reads its whole answer. Returns false, with http->net.error set, when no
 * answer came.
 */
bool http_exchange(struct http *http, const char *method, const char *path, const char *headers,
		   const json_t *body, struct http_answer *answer);

/*
 * Returns `word` as one segment of a path (RFC 3986, 2.1), in a static buffer that the next call
 * overwrites.
 */
const char *http_segment(const char *word);
