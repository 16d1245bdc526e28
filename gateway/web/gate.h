/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "gateway/web/head.h"

/*
 * Decides which of a client's bytes the server gets: a head once each of its bytes was looked at,
 * then its body, and no byte behind that before the server has answered. The gate also says how
 * long a client may take.
 */
enum {
	GATE_HEAD_MS = 10000, /* the time limit for a head, until the first head is right */
	GATE_BODY_MS = 30000,
	/* the time limit for a client without a credential to read an answer */
	GATE_ANSWER_MS = 30000,
};

struct gate {
	enum {
		GATE_HEAD,
		GATE_WAIT, /* the gate waits for the server */
		GATE_BODY,
		GATE_OPEN, /* the length is not known in advance: a body in chunks, a WebSocket */
		GATE_SHUT, /* the server will read nothing more */
	} state;
	struct head head;
	uint64_t body_left;
	int64_t until_ms; /* the time limit; 0: there is none now */
	bool bad;	  /* the client has broken the rules: no byte more passes */
};

void gate_start(struct gate *gate, int64_t now_ms);
/* Returns how many of the bytes pass now; each byte is shown once. */
size_t gate_pass(struct gate *gate, const char *bytes, size_t count, int64_t now_ms);
/* Notes that a head is right and that `body` bytes follow; UINT64_MAX: chunks. */
void gate_request(struct gate *gate, uint64_t body, int64_t now_ms);
void gate_complete(struct gate *gate);
/* Notes that an answer begins. `known`: the client may take its time. */
void gate_answers(struct gate *gate, bool known, int64_t now_ms);
/* Notes that an answer has ended. `known`: the client may be idle, as it has shown a credential. */
void gate_answered(struct gate *gate, bool known, int64_t now_ms);
void gate_open(struct gate *gate);
void gate_shut(struct gate *gate);
/* Between two requests. */
bool gate_idle(const struct gate *gate);
