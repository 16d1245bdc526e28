/* SPDX-License-Identifier: MIT */
/*
 * The command `log rotate`: closes the newest segment of the log and lists all segments. Run by
 * command.c.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/format.h"

static const char *command_log_rotate_stamp(u64 ns, char *buffer, size_t size)
{
	format(buffer, size, "%llu.%06llu", (unsigned long long)(ns / NS_PER_S),
	       (unsigned long long)(ns % NS_PER_S / NS_PER_US));
	return buffer;
}

static void command_log_rotate_show(struct reply *reply, u64 number,
				    const struct log_segment *segment)
{
	char first[32];
	char last[32];

	if (!reply->json) {
		reply_line(reply, "%-8llu %8u %8u %16s %16s", (unsigned long long)number,
			   segment->line_count, segment->bytes,
			   command_log_rotate_stamp(segment->first_ns, first, sizeof(first)),
			   command_log_rotate_stamp(segment->last_ns, last, sizeof(last)));
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "segment", number);
	json_u64(&reply->object, "lines", segment->line_count);
	json_u64(&reply->object, "bytes", segment->bytes);
	json_u64(&reply->object, "first_ns", segment->first_ns);
	json_u64(&reply->object, "last_ns", segment->last_ns);
	reply_object_end(reply);
}

static void command_log_rotate_run(struct reply *reply, const struct arguments *arguments)
{
	struct log_store *store = log_lines();

	(void)arguments;
	log_take_kernel();
	log_store_rotate(store);
	if (!reply->json)
		reply_line(reply, "%-8s %8s %8s %16s %16s", "SEGMENT", "LINES", "BYTES", "FIRST",
			   "LAST");
	for (u64 i = store->oldest; i <= store->newest; i++)
		command_log_rotate_show(reply, i, log_store_segment(store, i));
}

COMMAND(log_rotate,
	.name = "log rotate",
	.right = MAY_HOST,
	.arguments = "",
	.summary = "begins a new segment of the log and lists all",
	.detail = "Lines go to the newest segment. It is closed by this command, when it is\n"
		  "full (log.segment_size) or too old (log.segment_age); beyond log.segments\n"
		  "the oldest is dropped as a whole.",
	.example = "log rotate",
	.keys = "segment lines bytes first_ns last_ns",
	.run = command_log_rotate_run,
	.audited = true);
