/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/fields.h"
#include "gateway/base/message.h"
#include "gateway/core/auth.h"
#include "gateway/core/machine.h"
#include "gateway/core/route.h"

struct console;

enum stream_kind { STREAM_NONE, STREAM_SSE, STREAM_SOCKET, STREAM_CONSOLE };

/*
 * One request, from when web hands it over until it is answered in full. Whoever waits for
 * something keeps its id, not its address: the client may go meanwhile.
 */
struct request {
	struct request *next;
	uint32_t id;   /* web's number */
	char code[17]; /* request_id of the API */
	char *bytes;
	size_t byte_count;
	const struct route *route;
	struct identity who;
	bool cookie;		     /* the credential is one */
	bool judged;		     /* a problem now is a denial, which has a line in the audit */
	char vm[MACHINE_NAME_BYTES]; /* {vm} */
	char item[40];		     /* {id} */
	struct buffer headers;
	uint64_t audit; /* the line that waits for its result; 0: none */
	unsigned key;	/* place of its Idempotency-Key + 1; 0: none */
	enum stream_kind stream;
	size_t outstanding; /* bytes of a stream that the client has not taken */
	unsigned lost;	    /* events that it did not get */
	bool behind;	    /* it needs a snapshot when it has caught up */
	char ticket[8];	    /* "stream", "read" or "write"; "": by no ticket */
	struct console *console;
	struct fields fields; /* last: its list is not cleared before it is read */
};

void request_setup(struct message_socket *web);
void request_take(uint32_t id, const char *bytes, size_t count);
struct request *request_find(uint32_t id);
struct request *request_first(void);
void request_cancel(uint32_t id);
void request_drop_all(void);

const char *request_header(const struct request *request, const char *name);
const char *request_query(const struct request *request, const char *name);
/* body.NAME as text; NULL: it is not there or no text. */
const char *request_text(const struct request *request, const char *name);
/* Whether body.NAME, if it is there, is of that type: who means a bound must not get none. */
bool request_is(const struct request *request, const char *name, enum field_type type);
/* Whether body.NAME is true; anything else, and nothing, is false. */
bool request_true(const struct request *request, const char *name);
/* body.NAME as the name of something; NULL: it is none, and has been answered with `problem`. */
const char *request_name(struct request *request, const char *name, const char *problem);
/* A whole number of the query or a header; `missing` when it is not there; -1: it is none. */
int64_t request_number(const char *text, int64_t missing, int64_t most);
/* body.roles; 0: none, or one that is unknown. */
unsigned request_roles(const struct request *request);
/* "alice via token 7" in at most 64 bytes. */
void request_actor(const struct request *request, char *actor, size_t room);
/* Prefer: wait=N (RFC 7240); `missing` without. */
unsigned request_wait_s(const struct request *request, unsigned missing);

/* Finds the route, authenticates, authorises, audits, and calls the handler. */
void router_run(struct request *request);
/* The one place where it is decided who may do what; false: it has been answered. */
bool authorise(struct request *request);

/* The cookie __Host-skerry of the header, into `text`. */
bool request_cookie(const struct request *request, char *text, size_t room);
/* Whether who asks may ask once more in this second; false: it has been answered. */
bool request_rated(struct request *request, bool change);
/*
 * Writes the line of the audit for what is about to be done; from then on a problem is its result,
 * and no denial. Returns false if it cannot be written: nothing may be done, and the request has
 * been answered.
 */
bool request_begin(struct request *request);
/* A request that is judged is denied, for that reason: it gets its line. */
void router_denied(struct request *request, const char *code);

/* The unix connection's user, by the number that core gave it. */
bool peer_user(const char *number, unsigned *user);

/* Answers; each ends the request. `body` is taken. */
void answer_header(struct request *request, const char *name, const char *value);
/* Of an answer that follows: when it is worth asking again. */
void answer_retry_after(struct request *request, unsigned seconds);
/* Age (RFC 9111, 5.1) of what is shown although the link is lost. */
void answer_age(struct request *request);
void answer_json(struct request *request, unsigned status, json_t *body);
/* As answer_json; `text` is JSON already. */
void answer_json_text(struct request *request, unsigned status, const struct buffer *text);
void answer_bytes(struct request *request, unsigned status, const char *type, const char *bytes,
		  size_t count);
void answer_problem(struct request *request, unsigned status, const char *code, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));
void answer_problem_json(struct request *request, json_t *problem);
json_t *problem_json(unsigned status, const char *code, const char *detail, json_t *allowed);
/* What Skerry said instead of ok; `reply` NULL: the link was lost. A new reference. */
json_t *problem_of_reply(json_t *reply);

/* Streams: what follows comes in pieces. */
void stream_start(struct request *request, enum stream_kind kind, const char *protocol);
void stream_piece(struct request *request, bool text, const char *bytes, size_t count);
void stream_end(struct request *request, unsigned code);
/* Bytes of the client's messages that are done with: it may send as many more. */
void stream_taken(struct request *request, uint32_t count);

struct request_counters {
	const struct route *route;
	unsigned status;
	uint64_t count;
};
extern struct request_counters request_counters[512];
