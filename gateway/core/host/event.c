/* SPDX-License-Identifier: MIT */
/*
 * Keeps Skerry's last events, each once. The cache hands each line over, and tells the listener of
 * those that are new; streams that begin later read older ones here. The file writes the events in
 * `host`.
 */
#include "gateway/core/host/host.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/name.h"

static bool event_is_plain(const char *name)
{
	return name && *name && strspn(name, "abcdefghijklmnopqrstuvwxyz_-") == strlen(name);
}

const struct host_event *host_keep_event(json_t *line)
{
	struct host_event *event = &host.events[host.event_count % HOST_EVENTS];
	const char *name = json_string_value(json_object_get(line, "event"));
	const char *vm = json_string_value(json_object_get(line, "vm"));
	int64_t sequence = json_integer_value(json_object_get(line, "sequence"));

	/*
	 * An event that was kept before is ignored: the reply to `events since` and the link's own
	 * lines may overlap.
	 */
	if (!event_is_plain(name) || (sequence && sequence <= host.last_sequence))
		return NULL;
	json_decref(event->line);
	event->line = json_incref(line);
	event->sequence = sequence;
	string_copy(event->vm, sizeof(event->vm), vm && name_valid(vm) ? vm : "");
	host.last_sequence = sequence;
	host.event_count++;
	return event;
}
