/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/message.h"
#include "gateway/door/client.h"
#include "gateway/door/packet.h"
#include "gateway/door/uuid.h"
#include "gateway/door/xml_reader.h"

enum {
	RPC_NAME_BYTES = 128, /* room for a text among a call's arguments */
	RPC_TEXTS = 4,
	RPC_NUMBERS = 4,
	RPC_DOMAINS = 256,
	RPC_ACCEPTED = 202, /* status of core's answer when the action is still under way */
};

/* A VM as libvirt's clients name it. */
struct domain {
	char name[RPC_NAME_BYTES];
	uint8_t uuid[UUID_BYTES];
	int32_t id; /* libvirt's number of the VM while it runs; -1: the VM does not run */
};

/* The arguments of a call; which of the fields are set depends on its procedure. */
struct arguments {
	struct domain domain;
	uint8_t uuid[UUID_BYTES];
	char texts[RPC_TEXTS][RPC_NAME_BYTES];
	int32_t numbers[RPC_NUMBERS];
	unsigned text_count, number_count;
	struct xml_items *xml;	/* a description in XML; NULL: the call has none that is valid */
	struct domain *domains; /* a list of VMs; NULL: the call has none */
	unsigned domain_count;
};

struct rpc;
/*
 * Continues a call after core's answer: `body` is the answer's JSON, borrowed, or NULL for an empty
 * answer.
 */
typedef void rpc_took(struct rpc *call, json_t *body);

/* A client's call of a procedure, until it is answered. */
struct rpc {
	struct rpc *next;
	struct client *client;
	struct packet_head head;
	const struct procedure *procedure;
	struct arguments arguments;
	/*
	 * id of the call's request that core has not answered yet; 0: none. Core's answer goes to
	 * `took`.
	 */
	uint32_t id;
	rpc_took *took;
	/* the request as it was sent to core, to be sent again if core answers 429 */
	struct buffer request;
	struct buffer body;
	unsigned status, tries;
	/*
	 * is called when core's answer is a stream, of events or a console: keeps the stream and
	 * its request's `id` for the client, and clears `id` here; NULL: the call expects no stream
	 */
	void (*hand_over)(struct rpc *call);
	int64_t again_ms; /* when the request is sent to core again, in ms; 0: it is not */
	/*
	 * is called instead of an error when core answers with a problem; it clears this, and may
	 * call rpc_problem(); NULL: the call ends with the error
	 */
	rpc_took *problem;
	rpc_took *with; /* is called with the VM that rpc_domain() has asked core for */
	/* JSON of an earlier answer of core's that the call still needs; or NULL */
	json_t *kept;
	struct buffer results;
};

/* Begins a client's call: reads its arguments, and answers it now or later. */
void rpc_begin(struct client *client, const struct packet_head *head, struct xdr_reader *contents);
/* Answers, with an error, a call whose packet was not read. */
void rpc_refuse(struct client *client, const struct packet_head *head, uint32_t code,
		const char *text);

/*
 * Sends core a request of REST for the call, with the rights of the client's user. `fields` are
 * added to it, and may be NULL. If core answers with a problem, the call ends with an error; any
 * other answer goes to `took`.
 */
void rpc_ask(struct rpc *call, const char *method, const char *path, const struct buffer *fields,
	     rpc_took *took);
/* Begins the fields of a request with a JSON body of that content type, still empty. */
void rpc_body(struct buffer *fields, const char *type);
/* Returns whether a name that a client has sent may be put into the path of a request to core. */
bool rpc_name_valid(const char *name);
/* As rpc_ask(), but about the VM that the call's arguments name. */
void rpc_ask_vm(struct rpc *call, const char *method, const struct buffer *fields, rpc_took *took);
/*
 * Asks core for the VM that the call's arguments name, and passes it to `with`. If the VM's UUID
 * differs from the call's, the call ends with an error.
 */
void rpc_domain(struct rpc *call, rpc_took *with);
/* Ends a call that core has answered with a problem, with the error that fits. */
void rpc_problem(struct rpc *call, json_t *problem);
/* Sends core the call's last request again, after a while. */
void rpc_again(struct rpc *call);
/*
 * Returns whether the call's flags, its first number, are all among `allowed`. If not, ends the
 * call with an error that begins with `how`, which says what Skerry does without them.
 */
bool rpc_flags(struct rpc *call, uint32_t allowed, const char *how);
/* Asks core for the action `verb` on the VM that the call names; `took` gets the answer. */
void rpc_action(struct rpc *call, const char *verb, rpc_took *took);
/* As rpc_action(), but with `fields` in the request, which may be NULL. */
void rpc_action_with(struct rpc *call, const char *verb, const struct buffer *fields,
		     rpc_took *took);

/* Returns whether a call has a valid description in XML. If not, ends the call with an error. */
bool rpc_xml(struct rpc *call);
/*
 * Returns whether a call's description has known items alone. If not, ends the call with a sentence
 * that names the first other item. `known` ends with NULL.
 */
bool rpc_xml_known(struct rpc *call, const char *const *known);

/*
 * Returns whether the action on a VM has ended. If it is still under way after the time that a call
 * may wait, ends the call with an error.
 */
bool rpc_ended(struct rpc *call);
/* Continues after core's answer to an action on a VM: ends the call once the action has ended. */
void rpc_done(struct rpc *call, json_t *body);
/* Ends the call after core's answer, whether or not the action has ended. */
void rpc_asked(struct rpc *call, json_t *body);

/* Each of the next functions ends the call. rpc_answer() sends call->results. */
void rpc_answer(struct rpc *call);
/* Answers the call with a text, and frees the text. */
void rpc_answer_text(struct rpc *call, struct buffer *text);
void rpc_fail(struct rpc *call, uint32_t code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Handles core's message about a request. Returns false when the request is not that of any call.
 */
bool rpc_message(const struct message_head *head, const char *bytes, size_t count);
/* Ends the calls of a client that has gone. */
void rpc_drop(const struct client *client);
/*
 * Repeats requests whose time has come. Returns the ms until the next one is due, at most
 * `wait_ms`.
 */
int rpc_tick(int wait_ms);
