/* SPDX-License-Identifier: MIT */
/*
 * Sends events of VMs to the client of a machine channel. Called by machine_channel.c each turn
 * and, for the fields, by `events since`. Owns the channel's event cursor.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/log/vm_events.h"

#define EVENT_LINE_BYTES 1536u

void channel_event_fields(struct json *json, const struct vm_event_record *record, u64 sequence)
{
	json_string(json, "event", vm_event_name(record->event));
	if (sequence != 0)
		json_u64(json, "sequence", sequence);
	json_string(json, "vm", record->name);
	if (sequence != 0)
		json_string(json, "uuid", record->uuid);
	json_string(json, "reason", record->reason);
	json_u64(json, "time_ns", record->time_ns);
}

/*
 * Returns whether the channel's client knows the event: a client that has sent no hello gets lines
 * of protocol version 1, which had fewer events.
 */
static bool channel_in_version(const struct machine_channel *channel,
			       const struct vm_event_record *record)
{
	return channel->greeted || record->event <= EVENT_DESTROYED;
}

static void channel_put_event(struct machine_channel *channel, const struct vm_event_record *record)
{
	char line[EVENT_LINE_BYTES];
	struct json json;
	size_t length;

	json_start(&json, line, sizeof(line) - 1);
	json_object_begin(&json, NULL);
	channel_event_fields(&json, record, channel->greeted ? channel->event_cursor : 0);
	json_object_end(&json);
	length = json_finish(&json);
	line[length++] = '\n';
	channel_line(channel, (struct text){line, length});
}

bool channel_events_step(struct machine_channel *channel)
{
	const struct vm_event_record *record;
	bool moved = false;
	u64 lost = 0;

	while ((channel->rights & MAY_VIEW) != 0 && channel_takes_line(channel)) {
		record = vm_event_next(&channel->event_cursor, &lost);
		if (lost != 0) {
			channel_print(channel, "{\"event\":\"lost\",\"count\":%llu}\n",
				      (unsigned long long)lost);
			lost = 0;
		}
		if (record == NULL)
			break;
		if (channel_in_version(channel, record))
			channel_put_event(channel, record);
		moved = true;
	}
	return moved;
}
