/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/head.h"
#include "gateway/proxy/account.h"
#include "gateway/proxy/leak.h"
#include "gateway/proxy/wire.h"

/*
 * One request on its way to its host and the answer on its way back, or a tunnel. Bytes go through
 * buffers of EXCHANGE_BYTES, each of which is filled only when it is empty, so that a slow reader
 * slows down the writer.
 */
enum { EXCHANGE_BYTES = 16384 };

struct exchange {
	const struct rules *rules;
	const struct rule *rule;
	struct account_page *account;
	const struct parse_request *request;
	struct wire *client;
	struct buffer *client_in; /* bytes that the client has sent behind the request's head */
	struct wire host;
	struct buffer host_in, to_host, to_client;
	struct body up, down;
	struct head head; /* the answer's head while it comes in */
	size_t looked;	  /* bytes of host_in that `head` has checked */
	unsigned interim; /* number of interim answers so far, such as 100 (Continue) */
	struct leak leak;
	bool answered;		 /* the head of the answer is on its way to the client */
	bool up_done, down_done; /* nothing more is read from the client, or the host */
	bool keep;		 /* another request may follow on the client's connection */
	unsigned status;	 /* HTTP status of the answer, or of a refusal */
	const char *why;	 /* a sentence about the failure; NULL: none */
	uint64_t sent, received;
};

/*
 * Sends the request, whose head is in `head`, to the host at the descriptor, which it takes over,
 * and the answer to the client. Afterwards `why` is a sentence about the failure, or NULL; if
 * `answered` is false, the client has received nothing yet.
 */
void exchange_run(struct exchange *exchange, int host, const struct parse_head *head);
/* Tells the client that it has a tunnel, then carries bytes both ways. */
void exchange_tunnel(struct exchange *exchange, int host);
