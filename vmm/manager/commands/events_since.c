/* SPDX-License-Identifier: MIT */
/*
 * The command `events since`: shows the kept events after a given number. Run by command.c; only
 * reads.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_number.h"

static bool command_events_since_show(struct reply *reply)
{
	const struct vm_event_record *record;
	u64 lost = 0;

	while (reply_room(reply) > REPLY_ITEM_BYTES) {
		record = vm_event_next(&reply->shown, &lost);
		if (lost != 0) {
			reply_fail(reply, CODE_TOO_OLD, "%llu events are no longer kept",
				   (unsigned long long)lost);
			return true;
		}
		if (record == NULL || reply->shown > reply->left)
			return true;
		if (!reply->json) {
			reply_line(reply, "%llu %s %s %s", (unsigned long long)reply->shown,
				   record->name, vm_event_name(record->event), record->reason);
			continue;
		}
		reply_object_begin(reply);
		channel_event_fields(&reply->object, record, reply->shown);
		reply_object_end(reply);
	}
	return false;
}

static void command_events_since_run(struct reply *reply, const struct arguments *arguments)
{
	char shown[40];
	u64 since;

	if (!parse_u64(text_of(arguments->word[0]), &since) || since > vm_event_last()) {
		reply_bad(reply, "\"%s\" is not valid; use a number from 0 to %llu",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])),
			  (unsigned long long)vm_event_last());
		return;
	}
	if (since + 1 < vm_event_first()) {
		reply_fail(reply, CODE_TOO_OLD,
			   "%llu is too long ago; use %llu or more, as older events are no longer "
			   "kept",
			   (unsigned long long)since, (unsigned long long)(vm_event_first() - 1));
		return;
	}
	reply->shown = since;
	reply->left = vm_event_last(); /* events after this one are left for the next request */
	if (!command_events_since_show(reply))
		reply->resume = command_events_since_show;
}

COMMAND(events_since, .name = "events since", .right = MAY_VIEW, .arguments = "NUMBER",
	.summary = "what happened to VMs after the event of that number",
	.detail = "The last 1024 are kept. 0 is before the first.", .example = "events since 0",
	.keys = "event sequence vm uuid reason time_ns",
	.run = command_events_since_run, .minimum = 1, .maximum = 1);
