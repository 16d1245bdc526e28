/* SPDX-License-Identifier: MIT */
/*
 * The commands `samples` and `heartbeat`: have a machine channel send numbers or a sign of life in
 * each period. Run by command.c; the files of vmm/manager/channel send the lines.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_number.h"

#define HEARTBEAT_MAX_S 3600u

static void command_samples_show_fields(struct reply *reply)
{
	char name[32];

	reply_object_begin(reply);
	json_array_begin(&reply->object, "fields");
	for (u32 i = 0; channel_sample_field(i, name, sizeof(name)) != NULL; i++)
		json_string(&reply->object, NULL, name);
	json_array_end(&reply->object);
	reply_object_end(reply);
}

static void command_samples_run(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	const char *word = arguments->word[0];
	u64 period_ms = 0;
	char shown[40];

	if (channel == NULL)
		return;
	if (!string_equal(word, "off") &&
	    (strncmp(word, "every=", 6) != 0 || !parse_u64(text_of(word + 6), &period_ms) ||
	     period_ms < CHANNEL_SAMPLE_MIN_MS || period_ms > CHANNEL_SAMPLE_MAX_MS)) {
		reply_bad(reply, "\"%s\" is not valid; use off, or every= and 100 to 60000 ms",
			  text_show(shown, sizeof(shown), text_of(word)));
		return;
	}
	channel_samples_set(channel, period_ms);
	if (period_ms != 0)
		command_samples_show_fields(reply);
}

COMMAND(samples,
	.name = "samples",
	.right = MAY_VIEW,
	.arguments = "every=MILLISECONDS|off",
	.summary = "numbers of each VM and of the host, again and again, on a machine channel",
	.detail = "All are sums since the VM's last boot: what it used is the difference of two.\n"
		  "A VM of which nothing has changed is left out.",
	.example = "samples every=1000",
	.keys = "fields",
	.run = command_samples_run,
	.minimum = 1,
	.maximum = 1,
	.changes = true);

static void command_samples_run_heartbeat(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	const char *word = arguments->word[0];
	u64 period_s = 0;
	char shown[40];

	if (channel == NULL)
		return;
	if (!string_equal(word, "off") &&
	    (!parse_u64(text_of(word), &period_s) || period_s == 0 || period_s > HEARTBEAT_MAX_S)) {
		reply_bad(reply, "\"%s\" is not valid; use off, or 1 to 3600 seconds",
			  text_show(shown, sizeof(shown), text_of(word)));
		return;
	}
	channel_heartbeat_set(channel, period_s);
}

COMMAND(heartbeat,
	.name = "heartbeat",
	.right = MAY_VIEW,
	.arguments = "SECONDS|off",
	.summary = "sends an event at intervals on a machine channel, so that silence means "
		   "something",
	.example = "heartbeat 10",
	.run = command_samples_run_heartbeat,
	.minimum = 1,
	.maximum = 1,
	.changes = true);
