/* SPDX-License-Identifier: MIT */
/*
 * Writes answers of commands for the asker: text lines, JSON objects and errors. Called by all
 * commands and by command.c. Holds no state beyond the reply.
 */
#include "vmm/manager/command/reply.h"
#include "vmm/rt/format.h"

static bool reply_passes(const struct reply *reply, struct text text)
{
	size_t length = strlen(reply->filter);

	for (size_t at = 0; at + length <= text.length; at++) {
		if (memcmp(text.start + at, reply->filter, length) == 0)
			return true;
	}
	return false;
}

static void reply_put(struct reply *reply, enum reply_kind kind, const char *pattern,
		      va_list arguments)
{
	size_t length = format_va(reply->line, sizeof(reply->line), pattern, arguments);

	length = MIN(length, sizeof(reply->line) - 1);
	if (kind == REPLY_TEXT && !reply_passes(reply, (struct text){reply->line, length}))
		return;
	reply->to->put(reply->to->context, kind, (struct text){reply->line, length});
}

void reply_line(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	reply_put(reply, REPLY_TEXT, pattern, arguments);
	va_end(arguments);
}

const char *reply_code_name(enum reply_code code)
{
	static const char names[REPLY_CODE_COUNT][16] = {
		[CODE_FAILED] = "failed",
		[CODE_BAD_REQUEST] = "bad-request",
		[CODE_LOCKED] = "locked",
		[CODE_WRONG_PASSWORD] = "wrong-password",
		[CODE_NO_RIGHT] = "no-right",
		[CODE_UNKNOWN_COMMAND] = "unknown-command",
		[CODE_BAD_ARGUMENT] = "bad-argument",
		[CODE_NOT_FOUND] = "not-found",
		[CODE_EXISTS] = "exists",
		[CODE_BAD_STATE] = "bad-state",
		[CODE_BUSY] = "busy",
		[CODE_NO_MEMORY] = "no-memory",
		[CODE_TOO_OLD] = "too-old",
	};

	return names[code];
}

static void reply_put_error(struct reply *reply, enum reply_code code, const char *pattern,
			    va_list arguments)
{
	reply->failed = true;
	reply->code = (u8)code;
	reply_put(reply, REPLY_ERROR, pattern, arguments);
}

void reply_error(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	reply_put_error(reply, CODE_FAILED, pattern, arguments);
	va_end(arguments);
}

void reply_bad(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	reply_put_error(reply, CODE_BAD_ARGUMENT, pattern, arguments);
	va_end(arguments);
}

void reply_fail(struct reply *reply, enum reply_code code, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	reply_put_error(reply, code, pattern, arguments);
	va_end(arguments);
}

void reply_object_begin(struct reply *reply)
{
	json_start(&reply->object, reply->line, sizeof(reply->line));
	json_object_begin(&reply->object, NULL);
}

void reply_object_end(struct reply *reply)
{
	size_t length;

	json_object_end(&reply->object);
	length = json_finish(&reply->object);
	if (length == 0) {
		reply_error(reply, "the answer does not fit %u bytes", REPLY_LINE_BYTES);
		return;
	}
	reply_object(reply, (struct text){reply->line, length});
}

void reply_object(struct reply *reply, struct text object)
{
	if (reply_passes(reply, object))
		reply->to->put(reply->to->context, REPLY_OBJECT, object);
}

bool reply_has_terminal(struct reply *reply)
{
	if (!reply->to->terminal)
		reply_error(reply,
			    "this command needs a terminal, which the %s is not; type it at the "
			    "console",
			    reply->to->name);
	return reply->to->terminal;
}

struct machine_channel *reply_channel(struct reply *reply)
{
	if (reply->to->channel == NULL)
		reply_error(reply,
			    "this command needs a machine channel, which the %s is not; send it to "
			    "COM2 or a VM's port",
			    reply->to->name);
	return reply->to->channel;
}

bool reply_may(struct reply *reply, u32 rights)
{
	struct text rest = TEXT(RIGHT_WORDS);
	struct text word = TEXT("");

	if ((reply->to->rights & rights) != 0)
		return true;
	for (u32 bit = 1; text_next_word(&rest, &word) && (rights & bit) == 0; bit *= 2)
		;
	reply_fail(reply, CODE_NO_RIGHT,
		   "the %s has no right to %.*s; set rights = %.*s ... in its section of the "
		   "configuration",
		   reply->to->name, (int)word.length, word.start, (int)word.length, word.start);
	return false;
}

u32 reply_room(const struct reply *reply)
{
	return reply->to->room(reply->to->context);
}

bool reply_list(struct reply *reply, bool (*show)(struct reply *reply, u64 number))
{
	while (reply_room(reply) > REPLY_ITEM_BYTES) {
		if (!show(reply, reply->shown))
			return true;
		reply->shown++;
	}
	/* no deadline: when the asker's output has more room, an event resumes the command */
	reply->deadline_tsc = 0;
	return false;
}
