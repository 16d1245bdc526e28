/* SPDX-License-Identifier: MIT */
/*
 * Answers a client's hello with version, rights and limits, and begins a new session with that
 * client. Called by channel_input.c. Ends all requests and streams of an earlier client on the same
 * line.
 */
#include "kernel/abi/version.h"
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define VERSION 2u

/*
 * Returns a text that differs for each boot of the host: a client that remembers another text knows
 * that the host has restarted.
 */
static const char *channel_hello_boot_id(void)
{
	static char text[33];
	u8 bytes[16];

	if (text[0] == '\0') {
		random_draw(bytes, sizeof(bytes));
		text_hex(text, bytes, sizeof(bytes));
	}
	return text;
}

static void channel_hello_show_rights(struct json *json, u32 rights)
{
	struct text rest = TEXT(RIGHT_WORDS);
	struct text word;

	json_array_begin(json, "rights");
	for (u32 bit = 1; text_next_word(&rest, &word); bit *= 2) {
		if ((rights & bit) != 0)
			json_text(json, NULL, word);
	}
	json_array_end(json);
}

static void channel_hello_show_limits(struct json *json)
{
	json_object_begin(json, "limits");
	json_u64(json, "request_bytes", REQUEST_BYTES);
	json_u64(json, "requests", CHANNEL_REQUESTS);
	json_u64(json, "streams", CHANNEL_STREAMS);
	json_u64(json, "credit_bytes", CHANNEL_CREDIT_BYTES);
	json_u64(json, "events", VM_EVENTS_KEPT);
	json_object_end(json);
}

/* Adds the part of a hello's answer that is only for clients who have given the password. */
static void channel_hello_show_more(struct json *json, const struct machine_channel *channel)
{
	u64 wall_s = machine_wall_seconds(clock_tsc());
	const struct vm *vm = channel->on.vm_id != 0 ? vm_by_id(channel->on.vm_id) : NULL;

	json_u64(json, "time_ns", machine_time_ns());
	if (wall_s != 0)
		json_u64(json, "wall_s", wall_s);
	else
		json_null(json, "wall_s");
	if (vm != NULL)
		json_string(json, "vm", vm->config.name);
	else
		json_null(json, "vm");
	channel_hello_show_rights(json, channel->rights);
	json_u64(json, "event_last", vm_event_last());
	json_u64(json, "event_first", vm_event_first());
	channel_hello_show_limits(json);
}

void channel_hello(struct channel_slot *slot, const struct request *request)
{
	struct machine_channel *channel = slot->channel;
	struct reply *reply = &slot->reply;
	struct json *json = &reply->object;

	if (request->number != VERSION) {
		reply_bad(reply, "hello: there is no version %llu; use %u",
			  (unsigned long long)request->number, VERSION);
		return;
	}
	reply_object_begin(reply);
	json_u64(json, "protocol", VERSION);
	if (channel->login.open)
		json_string(json, "version", SKERRY_VERSION);
	json_string(json, "boot", channel_hello_boot_id());
	json_string(json, "channel", channel->name);
	json_bool(json, "locked", !channel->login.open);
	if (channel->login.open) {
		/*
		 * ends requests and streams of an earlier client, as a serial line does not show
		 * that a client is gone
		 */
		channel_end_all(channel, slot);
		channel_hello_show_more(json, channel);
		channel->event_cursor = vm_event_last();
	}
	reply_object_end(reply);
	channel->greeted = true;
}
