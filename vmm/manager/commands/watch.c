/* SPDX-License-Identifier: MIT */
/*
 * The command `watch`: runs another command at intervals. Run by command.c. Keeps the one watched
 * line and its time; resumes the inner command itself.
 */
#include "vmm/manager/console/console.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/command/words.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define SECONDS_MAX 86400u

/* The command line that is watched; there is at most one watch, as there is one console. */
static char line[LINE_MAX + 1];
static u64 interval_ns;
static u64 next_tsc;
static bool json;
static bool (*inner)(struct reply *reply); /* resume function of the watched command */

/* Runs the command again, in a reply that is reset first. */
static void command_watch_begin(struct reply *reply)
{
	const struct requester *to = reply->to;
	char filter[REPLY_FILTER_BYTES];
	char heading[LINE_MAX + 48];

	next_tsc = clock_tsc() + clock_ns_to_tsc(interval_ns);
	memcpy(filter, reply->filter, sizeof(filter));
	memset(reply, 0, sizeof(*reply));
	reply->to = to;
	if (!json) {
		format(heading, sizeof(heading), "%s--- every %llu s, Ctrl-C ends: %s",
		       console_terminal().on ? "\x1b[H\x1b[2J" : "",
		       (unsigned long long)(interval_ns / NS_PER_S), line);
		reply_line(reply, "%s", heading);
	}
	reply->json = json;
	memcpy(reply->filter, filter, sizeof(filter));
	command_run(reply, line);
	inner = reply->resume;
	if (inner == NULL)
		reply->deadline_tsc = next_tsc;
}

static bool command_watch_resume(struct reply *reply)
{
	if (inner != NULL) {
		if (!inner(reply))
			return false;
		inner = NULL;
	}
	if (reply->failed)
		return true;
	reply->deadline_tsc = next_tsc;
	if (clock_tsc() < next_tsc)
		return false;
	command_watch_begin(reply);
	reply->resume = command_watch_resume;
	return reply->failed;
}

static bool command_watch_watchable(struct reply *reply, const char *const *words, u32 count)
{
	const struct command *command;
	char shown[40];
	u32 name_words;

	command = command_find(words, count, &name_words);
	if (command != NULL && ((!command->audited && !command->changes) ||
				(command->shows_bare && count == name_words)))
		return true;
	reply_bad(reply, "\"%s%s%s\" cannot be watched; use a command that shows something",
		  text_show(shown, sizeof(shown), text_of(words[0])), count > 1 ? " " : "",
		  count > 1 && command != NULL ? words[1] : "");
	return false;
}

static void command_watch_run(struct reply *reply, const struct arguments *arguments)
{
	char shown[40];
	u64 seconds;

	if (!reply_has_terminal(reply))
		return;
	if (!parse_u64(text_of(arguments->word[0]), &seconds) || seconds == 0 ||
	    seconds > SECONDS_MAX) {
		reply_bad(reply, "\"%s\" is not valid; use 1 to 86400 seconds",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	if (!command_watch_watchable(reply, arguments->word + 1, arguments->count - 1))
		return;
	if (!words_join(line, sizeof(line), arguments->word + 1, arguments->count - 1)) {
		reply_bad(reply, "the command is too long; use at most %u characters", LINE_MAX);
		return;
	}
	console_page_off();
	interval_ns = seconds * NS_PER_S;
	json = reply->json;
	command_watch_begin(reply);
	reply->resume = reply->failed ? NULL : command_watch_resume;
}

COMMAND(watch,
	.name = "watch",
	.right = MAY_VIEW,
	.arguments = "SECONDS COMMAND",
	.summary = "runs a command again and again, until Ctrl-C",
	.detail = "For commands that show something. With `term on` each time on a clear\n"
		  "screen.",
	.example = "watch 2 vm list",
	.keys = "those of the command",
	.run = command_watch_run,
	.minimum = 2,
	.maximum = COMMAND_WORDS_MAX,
	.changes = true,
	.completion = COMPLETE_WATCH);
