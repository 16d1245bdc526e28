/* SPDX-License-Identifier: MIT */
/*
 * Packets of a libvirt client, whole and byte by byte, beside a core that has an answer for every
 * request: no call stays without its answer, and both ways have the same ones.
 */
#include <string.h>

/* The clock of the code is the target's own. */
#include "gateway/base/clock.h"
#define clock_ms() INT64_C(1)

#include "gateway/tests/fuzz/door_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define UUID_OF_VM "01020304-0506-0708-090a-0b0c0d0e0f10"
#define VM                                                                                         \
	"{\"name\":\"vm\",\"uuid\":\"" UUID_OF_VM "\",\"state\":\"%s\",\"boots\":3,\"vcpus\":2,"   \
	"\"memory_bytes\":134217728,\"cpu_s\":1.5,\"config\":{\"disk\":{\"value\":\"pool/a ro, b " \
	"cdrom\"},\"net\":{\"value\":\"lan mac=52:54:00:00:00:01\"}}}"

/* What door has asked and core has not answered: as many as a client has calls under way. */
static struct {
	uint32_t id, kind;
	bool goes_on; /* its answer may: it is for the stream of events, or a console */
} asked[CLIENT_CALLS];
static size_t ask_count;
static uint32_t number;
/* The client has opened or closed the connection, or asked for events: or a console: order counts
 * then. */
static bool opens;

void door_tell(struct message_head head, const struct buffer *payload)
{
	static struct fields fields;

	if (head.kind != MESSAGE_REQUEST)
		return;
	/* A request is one that core can read. */
	if (!fields_read(&fields, payload->bytes, payload->count) || ask_count == CLIENT_CALLS)
		__builtin_trap();
	asked[ask_count].goes_on = !strcmp(fields_get(&fields, "path"), "/v1/events") ||
				   fields_get(&fields, "upgrade");
	opens |= asked[ask_count].goes_on || !strcmp(fields_get(&fields, "path"), "/v1/me");
	asked[ask_count].id = head.id;
	asked[ask_count].kind = 0;
	for (size_t i = 0; i < payload->count; i++)
		asked[ask_count].kind = asked[ask_count].kind * 31 + (uint8_t)payload->bytes[i];
	ask_count++;
}

uint32_t door_number(void)
{
	return ++number | MESSAGE_DOOR;
}

const char *door_hostname(void)
{
	return "host";
}

/* Answers with what goes on: events, of which the last is cut off, or what a guest has printed. */
static void answer_on(uint32_t id)
{
	static const char text[] =
		"event: x\ndata: {\"type\":\"event\",\"event\":\"started\",\"vm\":\"vm\",\"uuid\":"
		"\"" UUID_OF_VM "\",\"reason\":\"\"}\n\n:\n\nevent: x\ndata: {\"type\":\"event\","
		"\"event\":\"reset\",\"vm\":\"vm\",\"uuid\":\"" UUID_OF_VM "\"}\n\ndata: {";
	struct message_head body = {MESSAGE_BODY, id, 0, 0};

	rpc_message(&(struct message_head){MESSAGE_ANSWER, id, 200, MESSAGE_STREAM}, "", 0);
	if (!terminal_message(&body, text, 100))
		client_message(&body, text, 100);
	body.flags = id % 2 ? MESSAGE_TEXT : 0;
	if (!terminal_message(&body, text + 100, sizeof(text) - 101))
		client_message(&body, text + 100, sizeof(text) - 101);
}

/*
 * Answers what was asked first: by what it is with a VM that runs, one that does not, or a problem.
 */
static void answer(void)
{
	uint32_t id = asked[0].id, kind = asked[0].kind;
	unsigned status = kind % 5 == 4 ? (kind % 2 ? 409 : 404) : 200;
	char vm[512], text[2048];

	if (asked[0].goes_on && kind % 2) {
		memmove(asked, asked + 1, --ask_count * sizeof(asked[0]));
		answer_on(id);
		return;
	}
	memmove(asked, asked + 1, --ask_count * sizeof(asked[0]));
	snprintf(vm, sizeof(vm), VM, kind % 3 ? "running" : "stopped");
	snprintf(text, sizeof(text),
		 status == 200 ? "{\"items\":[%s],\"vm\":%s,%s" : "{\"detail\":\"no\"}", vm, vm,
		 vm + 1);
	rpc_message(&(struct message_head){MESSAGE_ANSWER, id, status, 0}, "", 0);
	rpc_message(&(struct message_head){MESSAGE_BODY, id, 0, MESSAGE_LAST}, text, strlen(text));
}

/* Feeds a new client with pieces of that size, and returns how many bytes it is sent. */
static size_t feed(const uint8_t *bytes, size_t count, size_t piece)
{
	struct client *client = &clients[0];
	size_t sent;

	memset(vm_starts, 0, sizeof(vm_starts));
	number = 0;
	vm_last_id = 0;
	*client = (struct client){.number = 1, .fd = -1, .opened = true};
	for (size_t at = 0; at < count && !client->closing; at += piece) {
		packet_add(&client->reader, (const char *)bytes + at,
			   piece < count - at ? piece : count - at);
		client_packets(client);
		for (size_t i = 0; i < TERMINALS; i++)
			terminal_message(&(struct message_head){i % 3 ? MESSAGE_TAKEN : MESSAGE_END,
								terminals[i].id, 65536, 0},
					 "", 0);
		while (ask_count) {
			answer();
			client_packets(client);
		}
	}
	if (client->calls)
		__builtin_trap();
	opens |= !client->opened;
	listener_consumed(client);
	listener_end(client);
	terminal_consumed(client);
	terminal_drop(client);
	sent = client->output.count;
	packet_free(&client->reader);
	buffer_free(&client->output);
	return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	size_t whole, pieces;

	opens = false;
	whole = feed(bytes, count, count ? count : 1);
	pieces = feed(bytes, count, 1);
	/* Answers may come in another order. */
	if (!opens && whole != pieces)
		__builtin_trap();
	return 0;
}
