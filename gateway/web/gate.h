/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "gateway/base/head.h"

/*
 * The gate decides which of a client's bytes the HTTP server (libmicrohttpd) gets: the head of a
 * request once each of its bytes has been checked, then the body, and no byte of the next request
 * before the server has answered. The gate also says how long a client may take.
 */
enum {
	/* the time limit for a complete head, until a first head was valid */
	GATE_HEAD_MS = 10000,
	GATE_BODY_MS = 30000,
	/* the time limit for a client without a credential to read an answer */
	GATE_ANSWER_MS = 30000,
};

struct gate {
	enum {
		GATE_HEAD,
		GATE_WAIT, /* no byte passes until the server has read the head, or answered */
		GATE_BODY,
		GATE_OPEN, /* all bytes pass: the body comes in chunks, or this is a WebSocket */
		GATE_SHUT, /* the server reads nothing more, so no byte passes */
	} state;
	struct head head;
	uint64_t body_left;
	/* when the client's time is over, on the clock of now_ms; 0: it has no limit now */
	int64_t until_ms;
	bool bad; /* the client has broken the rules: no byte more passes */
};

void gate_start(struct gate *gate, int64_t now_ms);
/* Returns how many of the bytes may pass now; the caller passes the others again later. */
size_t gate_pass(struct gate *gate, const char *bytes, size_t count, int64_t now_ms);
/*
 * Notes that the server has read a valid head and that `body` bytes follow; UINT64_MAX: the body is
 * in chunks.
 */
void gate_request(struct gate *gate, uint64_t body, int64_t now_ms);
void gate_complete(struct gate *gate);
/*
 * Notes that an answer begins. `known`: the client has shown a credential, and has no time limit.
 */
void gate_answers(struct gate *gate, bool known, int64_t now_ms);
/* Notes that an answer has ended. `known`: the client may be idle, as it has shown a credential. */
void gate_answered(struct gate *gate, bool known, int64_t now_ms);
void gate_open(struct gate *gate);
void gate_shut(struct gate *gate);
/* Returns whether the client is between two requests. */
bool gate_idle(const struct gate *gate);
