/* SPDX-License-Identifier: MIT */
/*
 * Consoles for libvirt's clients, as streams of packets that a client and core's console send each
 * other. The procedure that opens one asks core for a ticket and uses it, as a browser does, so
 * that core checks the roles for consoles; clients and the main loop bring packets and messages.
 */
#include "gateway/door/terminal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/door/client.h"
#include "gateway/door/door.h"
#include "gateway/door/error.h"
#include "gateway/door/rpc.h"

enum {
	/* the most consoles at a time, which is Skerry's limit of streams for a channel */
	TERMINALS = 16,
	/* a flag of the call: any other writer of the console loses it */
	TERMINAL_FORCE = 1,
	/* a flag of the call: only one client may write at a time, which always holds here */
	TERMINAL_SAFE = 2,
	/* the most bytes of input of one console that wait until core takes some */
	TERMINAL_INPUT = 262144,
};

/* A console that a client has open. */
struct terminal {
	/* id of the request to core whose answer is the console's stream; 0: the entry is free */
	uint32_t id;
	struct client *client;
	struct packet_head head; /* head of the packets that the client gets */
	struct buffer input;	 /* the client's input that was not sent to core yet */
	size_t unacknowledged;	 /* bytes that were sent to core and that it has not acknowledged */
	/* bytes that the client has taken and core was not told about yet */
	size_t unreported;
};

static struct terminal terminals[TERMINALS];

static struct terminal *terminal_find(uint32_t id)
{
	for (size_t i = 0; i < TERMINALS; i++) {
		if (terminals[i].id == id)
			return &terminals[i];
	}
	return NULL;
}

static void terminal_free(struct terminal *terminal)
{
	buffer_free(&terminal->input);
	*terminal = (struct terminal){0};
}

/* Ends a console that its client has closed. */
static void terminal_close(struct terminal *terminal)
{
	door_tell((struct message_head){MESSAGE_CANCEL, terminal->id, 0, 0}, NULL);
	terminal_free(terminal);
}

/*
 * Sends the client a packet of the console's stream; CONTINUE without contents ends the stream, and
 * OK confirms its end.
 */
static void terminal_send(struct terminal *terminal, enum packet_status status,
			  const struct buffer *contents)
{
	terminal->head.status = status;
	client_send(terminal->client, &terminal->head, contents);
}

/* Ends a console with an error packet that says why. */
static void terminal_fail(struct terminal *terminal, const char *text)
{
	struct buffer contents = {0};

	error_write(&contents, ERROR_FAILED, text);
	terminal_send(terminal, PACKET_ERROR, &contents);
	buffer_free(&contents);
}

/* Makes core's answer, a stream, a console of the client's, and answers the call. */
static void terminal_hand_over(struct rpc *call)
{
	struct terminal *terminal = terminal_find(0);

	if (!terminal) {
		door_tell((struct message_head){MESSAGE_CANCEL, call->id, 0, 0}, NULL);
		call->id = 0;
		rpc_fail(call, ERROR_BUSY, "all %d places for consoles are taken", TERMINALS);
		return;
	}
	*terminal = (struct terminal){
		.id = call->id,
		.client = call->client,
		.head = call->head,
		.input.limit = TERMINAL_INPUT,
	};
	terminal->head.type = PACKET_STREAM;
	call->id = 0;
	rpc_answer(call);
}

/* Ends the call with an error: core has answered it, but not with a console's stream. */
static void terminal_took_nothing(struct rpc *call, json_t *body)
{
	(void)body;
	rpc_fail(call, ERROR_INTERNAL, "the gateway has opened no console");
}

static void terminal_took_ticket(struct rpc *call, json_t *body)
{
	const char *ticket = json_string_value(json_object_get(body, "ticket"));
	char path[RPC_NAME_BYTES + 32], protocols[256];
	struct buffer fields = {0};

	snprintf(path, sizeof(path), "/v1/vms/%s/console", call->arguments.domain.name);
	snprintf(protocols, sizeof(protocols), "skerry.console.v1, ticket.%s",
		 ticket ? ticket : "");
	fields_text(&fields, "upgrade", "websocket");
	fields_text(&fields, "header.sec-websocket-protocol", protocols);
	if (call->arguments.numbers[0] & TERMINAL_FORCE)
		fields_text(&fields, "query.take", "yes");
	call->hand_over = terminal_hand_over;
	rpc_ask(call, "GET", path, &fields, terminal_took_nothing);
	buffer_free(&fields);
}

static void terminal_took_domain(struct rpc *call, json_t *vm)
{
	char path[RPC_NAME_BYTES + 32];
	struct buffer fields = {0};

	(void)vm;
	snprintf(path, sizeof(path), "/v1/vms/%s/console/tickets", call->arguments.domain.name);
	rpc_body(&fields, "application/json");
	fields_text(&fields, "body.mode", "write");
	rpc_ask(call, "POST", path, &fields, terminal_took_ticket);
	buffer_free(&fields);
}

void terminal_open(struct rpc *call)
{
	if (*call->arguments.texts[0])
		rpc_fail(call, ERROR_INVALID_ARGUMENT,
			 "a VM has one console here, and none that is named \"%s\"",
			 call->arguments.texts[0]);
	else if (call->arguments.numbers[0] & ~(TERMINAL_FORCE | TERMINAL_SAFE))
		rpc_fail(call, ERROR_INVALID_ARGUMENT, "the flags 0x%x of a console are unknown",
			 (unsigned)call->arguments.numbers[0]);
	else
		rpc_domain(call, terminal_took_domain);
}

/* Sends core the client's input, once core has acknowledged the bytes before it. */
static void terminal_push(struct terminal *terminal)
{
	struct buffer piece = {.bytes = terminal->input.bytes, .count = terminal->input.count};

	if (terminal->unacknowledged || !piece.count)
		return;
	if (piece.count > MESSAGE_PAYLOAD / 2)
		piece.count = MESSAGE_PAYLOAD / 2;
	door_tell((struct message_head){MESSAGE_DATA, terminal->id, 0, 0}, &piece);
	terminal->unacknowledged = piece.count;
	buffer_take(&terminal->input, piece.count);
}

void terminal_packet(struct client *client, const struct packet_head *head,
		     const struct xdr_reader *contents)
{
	struct terminal *terminal = NULL;

	for (size_t i = 0; i < TERMINALS; i++) {
		if (terminals[i].id && terminals[i].client == client &&
		    terminals[i].head.serial == head->serial)
			terminal = &terminals[i];
	}
	/* A packet for a console that has ended is dropped: the client did not know that yet. */
	if (!terminal)
		return;
	if (head->status != PACKET_CONTINUE) {
		terminal_send(terminal, PACKET_OK, NULL);
		terminal_close(terminal);
		return;
	}
	buffer_add(&terminal->input, contents->bytes, contents->count);
	if (terminal->input.failed) {
		terminal_fail(terminal, "the guest does not read what is typed");
		terminal_close(terminal);
		return;
	}
	terminal_push(terminal);
}

bool terminal_message(const struct message_head *head, const char *bytes, size_t count)
{
	struct terminal *terminal = head->id ? terminal_find(head->id) : NULL;
	struct buffer contents = {.bytes = (char *)(uintptr_t)bytes, .count = count};

	if (!terminal)
		return false;
	switch (head->kind) {
	case MESSAGE_BODY:
		terminal->unreported += count;
		/*
		 * Core's text messages, which give the offset of the console's output, are dropped:
		 * a client has no use for them.
		 */
		if (!(head->flags & MESSAGE_TEXT) && count)
			terminal_send(terminal, PACKET_CONTINUE, &contents);
		break;
	case MESSAGE_TAKEN:
		terminal->unacknowledged -= head->value < terminal->unacknowledged
						    ? head->value
						    : terminal->unacknowledged;
		terminal_push(terminal);
		break;
	case MESSAGE_END:
		terminal_send(terminal, PACKET_CONTINUE, NULL);
		terminal_free(terminal);
		break;
	default:
		break;
	}
	return true;
}

void terminal_consumed(const struct client *client)
{
	for (size_t i = 0; i < TERMINALS; i++) {
		struct terminal *terminal = &terminals[i];
		struct buffer text = {0};

		if (!terminal->id || terminal->client != client || !terminal->unreported ||
		    client->output.count >= CLIENT_OUTPUT)
			continue;
		buffer_format(&text, "{\"ack\":%zu}", terminal->unreported);
		door_tell((struct message_head){MESSAGE_CONSUMED, terminal->id,
						(uint32_t)terminal->unreported, 0},
			  NULL);
		if (!text.failed)
			door_tell(
				(struct message_head){MESSAGE_DATA, terminal->id, 0, MESSAGE_TEXT},
				&text);
		buffer_free(&text);
		terminal->unreported = 0;
	}
}

void terminal_drop(const struct client *client)
{
	for (size_t i = 0; i < TERMINALS; i++) {
		if (terminals[i].id && terminals[i].client == client)
			terminal_close(&terminals[i]);
	}
}
