/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/fields.h"
#include "gateway/base/message.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/route.h"
#include "gateway/core/identity/identity.h"

struct console;
struct vsock;

enum stream_kind {
	STREAM_NONE,
	STREAM_SSE,
	STREAM_SOCKET,
	STREAM_CONSOLE,
	STREAM_VSOCK,
	STREAM_CONTENT,
	STREAM_RUN, /* SSE of one run's output */
};

/*
 * One request, from when web hands it over until it is answered in full. A function that waits for
 * an event keeps the request's id, not its address: the client may go in between.
 */
struct request {
	struct request *next;
	uint32_t id;   /* the number by which web or door names the request */
	char code[17]; /* request_id of the API */
	char *bytes;
	size_t byte_count;
	const struct route *route;
	struct identity who;
	bool cookie; /* the credential is a cookie */
	/* serves the request from its beginning, once its password was checked */
	void (*again)(struct request *request);
	/*
	 * the decision whether the asker may do this is still open: the audit records a problem as
	 * a denial
	 */
	bool judged;
	char vm[NAME_BYTES];	/* the value of {vm} in the path */
	char store[NAME_BYTES]; /* the value of {store} in the path */
	char item[40];		/* the value of {id} or {volume} in the path */
	struct buffer headers;
	uint64_t audit; /* the audit's line that waits for its result; 0: none */
	unsigned key;	/* index of the entry of its Idempotency-Key, plus 1; 0: it has none */
	enum stream_kind stream;
	size_t outstanding; /* bytes of a stream that are sent to web and not yet to the client */
	unsigned lost;	    /* number of events that the request's stream did not get */
	/* the stream gets no events until it has caught up; then it gets a snapshot */
	bool behind;
	/* the ticket's kind: "stream", "read" or "write"; "": the client has shown no ticket */
	char ticket[8];
	struct console *console;
	struct vsock *vsock;
	uint64_t run;	 /* the number of the run that gets the request's body; 0: none */
	size_t run_left; /* the bytes of the body that have not come yet, or may still come */
	bool run_open;	 /* how long the body is shows its end alone */
	/* called when the request ends, answered or not; may be NULL */
	void (*left)(struct request *request);
	/*
	 * method, path, headers and body of the request as fields; the last member, as it is filled
	 * without being cleared
	 */
	struct fields fields;
};

/*
 * Makes a request of the bytes that web has sent. Returns NULL when they break the rules or web
 * sends too many.
 */
struct request *request_take(uint32_t id, const char *bytes, size_t count);
/* Returns the request with that id, or NULL when it has been answered or its client has gone. */
struct request *request_find(uint32_t id);
struct request *request_first(void);
/* Ends a request whose answer is complete. */
void request_done(struct request *request);
/* Ends a request whose client has gone. */
void request_cancel(uint32_t id);
/* Ends all requests that door has handed over, or with `door` false those of web. */
void request_drop_all(bool door);

const char *request_header(const struct request *request, const char *name);
const char *request_query(const struct request *request, const char *name);
/* Returns the IP address of the client, or "socket" for a client at a Unix socket. */
const char *request_address(const struct request *request);
/* Returns body.NAME as text, or NULL if it is not there or no text. */
const char *request_text(const struct request *request, const char *name);
/*
 * Returns whether body.NAME is missing or has that type. A member of a wrong type must not count as
 * missing, since a limit would then not hold.
 */
bool request_is(const struct request *request, const char *name, enum field_type type);
/* Returns whether body.NAME is true; any other value, or a missing member, counts as false. */
bool request_true(const struct request *request, const char *name);
/* Returns body.roles as bits, or 0 if there are none, or one is unknown. */
unsigned request_roles(const struct request *request);
/* Copies the cookie __Host-skerry of the header into `text`; returns false if there is none. */
bool request_cookie(const struct request *request, char *text, size_t room);
/* Writes the asker's name for the audit, such as "alice via token 7", at most 64 bytes. */
void request_actor(const struct request *request, char *actor, size_t room);
/* Returns the seconds of Prefer: wait=N (RFC 7240), at most 60, or `missing` without it. */
unsigned request_wait_s(const struct request *request, unsigned missing);
