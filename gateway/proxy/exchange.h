/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/head.h"
#include "gateway/proxy/account.h"
#include "gateway/proxy/leak.h"
#include "gateway/proxy/wire.h"

/*
 * One request on its way to its host and the answer on its way back, or a tunnel. Bytes go through
 * buffers of EXCHANGE_BYTES, each of which is filled only when it is empty: who reads slowly stops
 * who writes.
 */
enum { EXCHANGE_BYTES = 16384 };

struct exchange {
	const struct rules *rules;
	const struct rule *rule;
	struct account_page *account;
	const struct parse_request *request;
	struct wire *client;
	struct buffer *client_in; /* what the client has sent, from behind the request's head on */
	struct wire host;
	struct buffer host_in, to_host, to_client;
	struct body up, down;
	struct head head; /* of the answer, as it comes */
	size_t looked;	  /* bytes of host_in that `head` has seen */
	unsigned interim; /* answers such as 100 (Continue) that have come */
	struct leak leak;
	bool answered;		 /* the head of the answer is on its way to the client */
	bool up_done, down_done; /* nothing more is read from the client, or the host */
	bool keep;		 /* another request may follow on the client's connection */
	unsigned status;	 /* of the answer, or of a refusal */
	const char *why;	 /* what went wrong; NULL: nothing */
	uint64_t sent, received;
};

/*
 * Sends the request, whose head is in `head`, to the host at the descriptor, which it takes over,
 * and the answer to the client. On return, `why` says what went wrong, if anything; if `answered`
 * is false then, the client has got nothing yet.
 */
void exchange_run(struct exchange *exchange, int host, const struct parse_head *head);
/* Carries bytes both ways, once the client has been told that it has a tunnel. */
void exchange_tunnel(struct exchange *exchange, int host);
