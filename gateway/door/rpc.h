/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/message.h"
#include "gateway/door/client.h"
#include "gateway/door/packet.h"
#include "gateway/door/uuid.h"
#include "gateway/door/xml_reader.h"

enum {
	RPC_NAME_BYTES = 128, /* of a text of a call's arguments */
	RPC_TEXTS = 4,
	RPC_NUMBERS = 4,
	RPC_DOMAINS = 256,
	RPC_ACCEPTED = 202, /* the status of an answer when what was asked goes on */
};

/* A VM as libvirt's clients name it. */
struct domain {
	char name[RPC_NAME_BYTES];
	uint8_t uuid[UUID_BYTES];
	int32_t id; /* -1: the VM does not run */
};

/* What a call has given; which of these, its procedure says. */
struct arguments {
	struct domain domain;
	uint8_t uuid[UUID_BYTES];
	char texts[RPC_TEXTS][RPC_NAME_BYTES];
	int32_t numbers[RPC_NUMBERS];
	unsigned text_count, number_count;
	struct xml_items *xml;	/* a description; NULL: the call gave none that can be read */
	struct domain *domains; /* a list; NULL: the call gave none */
	unsigned domain_count;
};

struct rpc;
/* Goes on with a call: `body` is what core has answered, borrowed, or NULL for an empty answer. */
typedef void rpc_took(struct rpc *call, json_t *body);

/* A procedure that a client waits for, until it is answered. */
struct rpc {
	struct rpc *next;
	struct client *client;
	struct packet_head head;
	const struct procedure *procedure;
	struct arguments arguments;
	/* of the request that core works at; 0: none. The answer goes to `took`. */
	uint32_t id;
	rpc_took *took;
	struct buffer request; /* as it was sent: core may ask for patience */
	struct buffer body;
	unsigned status, tries;
	/*
	 * makes an answer that goes on something of the client's: `id` belongs to that from then
	 * on, and is to be cleared; NULL: no answer is one that goes on
	 */
	void (*hand_over)(struct rpc *call);
	int64_t again_ms; /* when the request is sent once more; 0: it is not to be */
	rpc_took *with;	  /* who gets the VM that rpc_domain() has asked for */
	json_t *kept;	  /* of an answer before */
	struct buffer results;
};

/* Takes over a call of a client's, whose arguments are read, and answers it now or later. */
void rpc_begin(struct client *client, const struct packet_head *head, struct xdr_reader *contents);
/* Answers a packet whose contents are not read. */
void rpc_refuse(struct client *client, const struct packet_head *head, uint32_t code,
		const char *text);

/*
 * Asks core as a request of REST would, with the rights of the client's account. `fields` are added
 * to it, and may be NULL. A problem is the end of the call; an answer goes to `took`.
 */
void rpc_ask(struct rpc *call, const char *method, const char *path, const struct buffer *fields,
	     rpc_took *took);
/* Returns whether a client's name can be a part of a path: whether there is such a thing, core
 * says. */
bool rpc_name_valid(const char *name);
/* Asks for the VM that the call's arguments name; one of another UUID is the end of the call. */
void rpc_domain(struct rpc *call, rpc_took *with);
/* Asks for an action of that VM. */
void rpc_action(struct rpc *call, const char *verb, rpc_took *took);

/*
 * Returns whether a call's description has known items alone; else the call has ended with a
 * sentence that names the first other one. `known` ends with NULL.
 */
bool rpc_xml_known(struct rpc *call, const char *const *known);

/* Each of these ends the call. `results` are sent. */
void rpc_answer(struct rpc *call);
/* Answers with a text, and frees it. */
void rpc_answer_text(struct rpc *call, struct buffer *text);
void rpc_fail(struct rpc *call, uint32_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Takes what core has said of a request. Returns false when it is none of a call's. */
bool rpc_message(const struct message_head *head, const char *bytes, size_t count);
/* Ends the calls of a client that has gone. */
void rpc_drop(const struct client *client);
/* Sends again what was to be sent later; returns how long the next one may wait, or `wait_ms`. */
int rpc_tick(int wait_ms);
