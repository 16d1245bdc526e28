/* SPDX-License-Identifier: MIT */
#pragma once

#include <microhttpd.h>

#include "gateway/base/fields.h"
#include "gateway/base/message.h"
#include "gateway/web/e2b/e2b.h"
#include "gateway/web/redfish/redfish.h"
#include "gateway/web/ws.h"

enum {
	WEB_EXCHANGES = 320,	/* the most requests and WebSockets at a time */
	WEB_BODY_BYTES = 16384, /* the longest body of a request */
	/* the most bytes of a client's that are sent to core and not acknowledged */
	WEB_UNACKNOWLEDGED = 65536,
	/* the most bytes of answers to one credential that wait for clients to read them */
	WEB_HELD_BYTES = 16 << 20,
	/* bytes of MHD's memory for a connection, which MHD clears for each request */
	WEB_HEADER_BYTES = 20480,
};

/* One request and its answer, or the WebSocket that it became. */
struct exchange {
	uint32_t id; /* the exchange's id; 0: the exchange is free */
	struct MHD_Connection *connection;
	struct buffer body; /* the body of the request, then of the answer */
	bool too_large;	    /* the request's body is longer than WEB_BODY_BYTES */
	/* the body comes in chunks; the connection then ends with the answer */
	bool chunked;
	char authority[256]; /* the host in the request's target, if that is in the absolute form */
	bool streams;	     /* core gets the body piece by piece, after the request */
	uint64_t length;     /* the bytes of the body that are still to come */
	bool may_send;	     /* core has said that it takes the request's body */
	bool failed;	     /* core has broken its answer off */
	bool sent;	     /* core has got the request */
	bool suspended;	     /* MHD waits until exchange_resume() is called */
	bool answered;
	bool ended;
	bool over;   /* the answer is dropped, as too many of its credential's wait to be read */
	size_t held; /* bytes of the answer, if it is no stream, until the client has read it all */
	unsigned status;
	uint32_t flags; /* the flags of MESSAGE_ANSWER */
	/* the answer's headers, as a list of fields (gateway/base/fields.h) */
	struct buffer headers;
	bool for_redfish;	 /* the path is one of Redfish's, and so is the answer */
	struct redfish *redfish; /* the request of Redfish's once it is read; else NULL */
	struct e2b *e2b;	 /* a request of E2B's client once it is read; else NULL */
	struct form *form;	 /* the file in its body; NULL: it has none */
	size_t raw;		 /* bytes of core's stream that stand for the body's */
	/* For a WebSocket: */
	struct MHD_UpgradeResponseHandle *upgraded;
	int fd;
	struct ws_reader reader;
	struct buffer output;
	size_t unacknowledged; /* bytes sent to core that core has not acknowledged */
	/* bytes from core that the client has taken, which core has not been told yet */
	size_t unreported;
	bool closing; /* a close frame was sent or is in output */
};

struct web {
	struct message_socket core;
	struct MHD_Daemon *daemon;
	struct exchange exchanges[WEB_EXCHANGES];
	unsigned socket_count; /* the number of exchanges that are WebSockets */
	/* number of ids given so far; an id is rounds * WEB_EXCHANGES + the exchange's index */
	uint32_t rounds;
	/* by descriptor: core's number of a connection at the Unix socket; 0: TLS */
	uint32_t *connections;
	size_t connection_room;
	bool issued; /* the certificate was issued by an authority, not by the gateway */
};

extern struct web web;

/*
 * Runs the process and returns its exit code. Descriptors: the socket to core, and the listener or
 * -1.
 */
int web_main(int core, int listener, const char *ui, unsigned per_address);

/* Hands the plain end of a TLS connection to libmicrohttpd; `fd` is closed also when that fails. */
bool web_tls_connection(int fd, const struct sockaddr *address, socklen_t size);

struct exchange *exchange_find(uint32_t id);
void exchange_free(struct exchange *exchange);
void exchange_resume(struct exchange *exchange);
void exchange_tell(const struct exchange *exchange, enum message_kind kind, uint32_t value);

/* The callbacks of libmicrohttpd: for the head and pieces of a request, and for its end. */
enum MHD_Result exchange_handle(void *unused, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *bytes,
				size_t *count, void **context);
void exchange_done(void *unused, struct MHD_Connection *connection, void **context,
		   enum MHD_RequestTerminationCode code);

/*
 * These functions handle core's messages about an exchange: the answer's head, its body, its end.
 */
void exchange_answer(struct exchange *exchange, const struct message_head *head, const char *bytes,
		     size_t count);
void exchange_body(struct exchange *exchange, const struct message_head *head, const char *bytes,
		   size_t count);
void exchange_end(struct exchange *exchange, unsigned code);
/* Notes that core has handled `count` more bytes of the request's body, or from a WebSocket. */
void exchange_taken(struct exchange *exchange, size_t count);

/* Queues the exchange's answer, which is complete or a stream. */
enum MHD_Result exchange_reply(struct exchange *exchange);

/*
 * Begins a request of Redfish's, whose body is complete: answers it, or sends core its first
 * request. `path` is the target's path as it came.
 */
enum MHD_Result exchange_redfish(struct exchange *exchange, const char *path, const char *method);
/*
 * Takes core's answer to a request of Redfish's. Returns true if the exchange's own answer is
 * complete, false if core was asked again.
 */
bool exchange_redfish_take(struct exchange *exchange);
/* Answers a request of Redfish's that web refuses. */
enum MHD_Result exchange_redfish_refuse(struct exchange *exchange, unsigned status,
					const char *code, const char *detail);

/*
 * Functions of exchange_e2b.c, which are as those for Redfish: begin a request whose body is
 * complete; take core's answer; and refuse.
 */
enum MHD_Result exchange_e2b(struct exchange *exchange, const char *path, const char *method);
bool exchange_e2b_take(struct exchange *exchange);
enum MHD_Result exchange_e2b_refuse(struct exchange *exchange, const char *detail);
/* Makes a piece of core's stream of events the client's messages. */
void exchange_e2b_body(struct exchange *exchange, const char *bytes, size_t count);
/*
 * Functions of exchange_form.c: begin an upload of a file in multipart/form-data (RFC 7578); take
 * a piece of its body, of which *count is what is left; and end it. Core is asked as soon as the
 * head of the file's part is there.
 */
void form_begin(struct exchange *exchange);
enum MHD_Result form_take(struct exchange *exchange, const char *url, const char *bytes,
			  size_t *count);
enum MHD_Result form_end(struct exchange *exchange);
void form_free(struct form *form);

/* Returns the socket by which a tunnel knows a connection, or -1. */
int exchange_socket(struct MHD_Connection *connection);

/*
 * request_frame() finds the length of a request's body (REQUEST_CHUNKED: the body is in chunks).
 * Returns false if the headers can be read in two ways.
 */
#define REQUEST_CHUNKED UINT64_MAX
bool request_frame(struct MHD_Connection *connection, const char *version, uint64_t *body);
/*
 * Writes the path of a target, which may be in the absolute form; returns false if the target is
 * none of this server's.
 */
bool request_path(struct exchange *exchange, const char *url, const char **path);

/*
 * Makes the list of fields that core gets. Returns false if the request is refused, with the status
 * in *status.
 */
bool request_fields(const struct exchange *exchange, const char *url, const char *method,
		    struct buffer *fields, unsigned *status);
/* Makes the list of fields for the next request to core of the exchange's Redfish request. */
bool request_fields_redfish(const struct exchange *exchange, struct buffer *fields);
/* Makes that list of what a request of E2B's asks core next. */
/* Returns the key that a client of E2B's shows, or "". */
const char *request_e2b_key(struct MHD_Connection *connection);
bool request_fields_e2b(const struct exchange *exchange, struct buffer *fields);
/* Decodes a target's path into `room` bytes at `to`. Returns false if it is none, or too long. */
bool request_path_text(const char *path, char *to, size_t room);
/* The same for a value of its query, in which a slash may be escaped. */
bool request_query_text(const char *value, char *to, size_t room);

/* Functions for WebSockets. */
enum MHD_Result socket_queue(struct exchange *exchange);
void socket_send(struct exchange *exchange, uint32_t flags, const char *bytes, size_t count);
void socket_end(struct exchange *exchange, unsigned code);
short socket_wants(const struct exchange *exchange);
void socket_ready(struct exchange *exchange, short events);

/*
 * Writes a JSON text as fields body.NAME; returns false if the text is no JSON, or too deep or
 * long.
 */
bool flatten(const char *bytes, size_t count, struct buffer *fields);

/* Reads all of the UI's files into memory. Returns false if any of them could not be read. */
bool static_load(const char *folder);
enum MHD_Result static_queue(struct MHD_Connection *connection, const char *path,
			     const char *method);

/*
 * web_strict() adds the header that every answer has; web_guard_headers() adds it and those of all
 * answers but the UI's files.
 */
void web_strict(struct MHD_Response *response);
void web_guard_headers(struct MHD_Response *response);

/*
 * Allows, from here on, only the system calls that web needs. Returns false if the filter could not
 * be set.
 */
bool web_seccomp(void);
