/* SPDX-License-Identifier: MIT */
/*
 * Events of VMs for libvirt's clients: for each client that has asked for events, door follows
 * core's stream of events (a route of REST), and sends the client a packet for each event that
 * matches one of its entries. Calls and the client's turn call it; it asks core for the stream.
 */
#include "gateway/door/listener.h"

#include <jansson.h>
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/base/string.h"
#include "gateway/door/client.h"
#include "gateway/door/door.h"
#include "gateway/door/error.h"
#include "gateway/door/rpc.h"
#include "gateway/door/vm.h"

enum {
	LISTENER_LIFECYCLE = 0,
	LISTENER_REBOOT = 1,
	LISTENER_LIFECYCLE_PACKET = 318,
	LISTENER_REBOOT_PACKET = 319,
	LISTENER_INPUT = 4 << 20,
};

static const char listener_types[] =
	"created,destroyed,started,paused,resumed,stopped,crashed,reset,configuration";

/* The libvirt event for each event of Skerry's. */
static const struct listener_event {
	/* name and reason of Skerry's event; `reason`: its beginning, NULL: any */
	const char *name, *reason;
	int32_t event;
	uint32_t change, detail; /* libvirt's numbers of the change in a VM's life cycle */
	bool runs;		 /* the VM still runs after the event, so that it has a number */
} listener_events[] = {
	{"created", NULL, LISTENER_LIFECYCLE, 0, 0, false},
	{"configuration", NULL, LISTENER_LIFECYCLE, 0, 1, false},
	{"destroyed", NULL, LISTENER_LIFECYCLE, 1, 0, false},
	{"started", NULL, LISTENER_LIFECYCLE, 2, 0, false},
	{"paused", NULL, LISTENER_LIFECYCLE, 3, 0, true},
	{"resumed", NULL, LISTENER_LIFECYCLE, 4, 0, true},
	{"stopped", "ended by", LISTENER_LIFECYCLE, 5, 1, false},
	{"stopped", "saved", LISTENER_LIFECYCLE, 5, 4, false},
	{"stopped", NULL, LISTENER_LIFECYCLE, 5, 0, false},
	{"crashed", NULL, LISTENER_LIFECYCLE, 5, 2, false},
	{"reset", NULL, LISTENER_REBOOT, 0, 0, true},
};

/* Returns the index of the entry of `list` with that number (0: of a free one), or -1. */
static int listener_find(const struct listener *listener, int32_t number)
{
	for (int i = 0; i < LISTENER_ENTRIES; i++) {
		if (listener->list[i].number == number)
			return i;
	}
	return -1;
}

/*
 * Makes the entry that a client's call asks for, now that the stream of core's events is open, and
 * answers the call.
 */
static void listener_took(struct rpc *call, json_t *body)
{
	struct listener *listener = &call->client->listener;
	int place = listener_find(listener, 0);

	(void)body;
	if (place < 0) {
		rpc_fail(call, ERROR_BUSY, "a connection may ask for %d kinds of events",
			 LISTENER_ENTRIES);
		return;
	}
	listener->last = listener->last == INT32_MAX ? 1 : listener->last + 1;
	listener->list[place].number = listener->last;
	listener->list[place].event = call->arguments.numbers[0];
	listener->list[place].one = *call->arguments.domain.name;
	memcpy(listener->list[place].uuid, call->arguments.domain.uuid, UUID_BYTES);
	xdr_write_u32(&call->results, (uint32_t)listener->last);
	rpc_answer(call);
}

/*
 * Makes core's answer the client's stream of events; if two calls at a time have asked for one, the
 * second stream is cancelled.
 */
static void listener_hand_over(struct rpc *call)
{
	struct listener *listener = &call->client->listener;

	if (listener->id)
		door_tell((struct message_head){MESSAGE_CANCEL, call->id, 0, 0}, NULL);
	else
		listener->id = call->id;
	call->id = 0;
	listener_took(call, NULL);
}

void listener_register(struct rpc *call)
{
	int32_t event = call->arguments.numbers[0];
	struct buffer fields = {0};

	if (event != LISTENER_LIFECYCLE && event != LISTENER_REBOOT) {
		rpc_fail(call, ERROR_NO_SUPPORT,
			 "Skerry tells of the life cycle and of reboots, not of the event %d",
			 event);
		return;
	}
	if (call->client->listener.id) {
		listener_took(call, NULL);
		return;
	}
	fields_text(&fields, "query.types", listener_types);
	call->hand_over = listener_hand_over;
	rpc_ask(call, "GET", "/v1/events", &fields, listener_took);
	buffer_free(&fields);
}

void listener_end(struct client *client)
{
	struct listener *listener = &client->listener;

	if (listener->id)
		door_tell((struct message_head){MESSAGE_CANCEL, listener->id, 0, 0}, NULL);
	buffer_free(&listener->input);
	*listener = (struct listener){.last = listener->last};
}

void listener_deregister(struct rpc *call)
{
	struct listener *listener = &call->client->listener;
	int place = call->arguments.numbers[0] > 0
			    ? listener_find(listener, call->arguments.numbers[0])
			    : -1;
	bool left = false;

	if (place < 0) {
		rpc_fail(call, ERROR_INVALID_ARGUMENT, "there is no callback %d",
			 call->arguments.numbers[0]);
		return;
	}
	listener->list[place].number = 0;
	for (int i = 0; i < LISTENER_ENTRIES; i++)
		left |= listener->list[i].number != 0;
	if (!left)
		listener_end(call->client);
	rpc_answer(call);
}

static void listener_send(struct client *client, const struct listener_event *event,
			  const char *name, const uint8_t uuid[UUID_BYTES], int32_t number)
{
	struct packet_head head = {.program = PACKET_REMOTE,
				   .version = PACKET_VERSION,
				   .type = PACKET_EVENT,
				   .procedure = event->event == LISTENER_REBOOT
							? LISTENER_REBOOT_PACKET
							: LISTENER_LIFECYCLE_PACKET};
	struct buffer contents = {0};

	xdr_write_u32(&contents, (uint32_t)number);
	xdr_write_text(&contents, name);
	xdr_write_bytes(&contents, uuid, UUID_BYTES);
	xdr_write_u32(&contents, (uint32_t)(event->runs ? vm_known_id(uuid) : -1));
	if (event->event == LISTENER_LIFECYCLE) {
		xdr_write_u32(&contents, event->change);
		xdr_write_u32(&contents, event->detail);
	}
	client->closing |= contents.failed;
	client_send(client, &head, &contents);
	buffer_free(&contents);
}

/* Returns the libvirt event for an event of Skerry's, or NULL if there is none. */
static const struct listener_event *listener_event_find(json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "event"));
	const char *reason = json_string_value(json_object_get(line, "reason"));

	for (size_t i = 0; name && i < ARRAY_COUNT(listener_events); i++) {
		const struct listener_event *event = &listener_events[i];

		if (!strcmp(event->name, name) &&
		    (!event->reason ||
		     (reason && !strncmp(reason, event->reason, strlen(event->reason)))))
			return event;
	}
	return NULL;
}

static void listener_event(struct client *client, json_t *line)
{
	const struct listener *listener = &client->listener;
	const struct listener_event *event = listener_event_find(line);
	const char *name = json_string_value(json_object_get(line, "vm"));
	uint8_t uuid[UUID_BYTES];

	if (!event || !name || !uuid_read(json_string_value(json_object_get(line, "uuid")), uuid))
		return;
	for (int i = 0; i < LISTENER_ENTRIES; i++) {
		if (listener->list[i].number && listener->list[i].event == event->event &&
		    (!listener->list[i].one || !memcmp(listener->list[i].uuid, uuid, UUID_BYTES)))
			listener_send(client, event, name, uuid, listener->list[i].number);
	}
}

/* Handles one message (event) of core's stream: lines, of which one has data. */
static void listener_take(struct client *client, const char *text, size_t count)
{
	static const char key[] = "data: ";
	const char *data = memmem(text, count, key, strlen(key));
	const char *type;
	json_t *line;

	if (!data)
		return;
	data += strlen(key);
	line = json_loadb(data, count - (size_t)(data - text), 0, NULL);
	type = json_string_value(json_object_get(line, "type"));
	if (type && !strcmp(type, "event"))
		listener_event(client, line);
	/*
	 * If events were lost, the client's connection is closed, as libvirt has no other way to
	 * tell it.
	 */
	if (type && !strcmp(type, "lost"))
		client->closing = true;
	json_decref(line);
}

bool listener_message(struct client *client, const struct message_head *head, const char *bytes,
		      size_t count)
{
	struct listener *listener = &client->listener;
	struct buffer *input = &listener->input;
	const char *end;

	if (!listener->id || listener->id != head->id)
		return false;
	if (head->kind == MESSAGE_END) {
		/*
		 * Core has ended the stream: the user is gone, or another reader has got its place.
		 */
		listener->id = 0;
		client->closing = true;
	}
	if (head->kind != MESSAGE_BODY)
		return true;
	input->limit = LISTENER_INPUT;
	buffer_add(input, bytes, count);
	listener->unreported += count;
	client->closing |= input->failed;
	while (!input->failed && input->count &&
	       (end = memmem(input->bytes, input->count, "\n\n", 2))) {
		size_t length = (size_t)(end - input->bytes);

		listener_take(client, input->bytes, length);
		buffer_take(input, length + 2);
	}
	return true;
}

void listener_consumed(struct client *client)
{
	struct listener *listener = &client->listener;

	if (!listener->id || !listener->unreported || client->output.count >= CLIENT_OUTPUT)
		return;
	door_tell((struct message_head){MESSAGE_CONSUMED, listener->id,
					(uint32_t)listener->unreported, 0},
		  NULL);
	listener->unreported = 0;
}
