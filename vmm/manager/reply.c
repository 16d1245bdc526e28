/* SPDX-License-Identifier: MIT */
#include "vmm/manager/reply.h"
#include "vmm/rt/format.h"

static bool passes(const struct reply *reply, struct text text)
{
	size_t length = strlen(reply->filter);

	for (size_t at = 0; at + length <= text.length; at++) {
		if (memcmp(text.start + at, reply->filter, length) == 0)
			return true;
	}
	return false;
}

static void put(struct reply *reply, enum reply_kind kind, const char *pattern, va_list arguments)
{
	size_t length = format_va(reply->line, sizeof(reply->line), pattern, arguments);

	length = MIN(length, sizeof(reply->line) - 1);
	if (kind == REPLY_TEXT && !passes(reply, (struct text){reply->line, length}))
		return;
	reply->to->put(reply->to->context, kind, (struct text){reply->line, length});
}

void reply_line(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	put(reply, REPLY_TEXT, pattern, arguments);
	va_end(arguments);
}

void reply_error(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	reply->failed = true;
	va_start(arguments, pattern);
	put(reply, REPLY_ERROR, pattern, arguments);
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
	if (passes(reply, object))
		reply->to->put(reply->to->context, REPLY_OBJECT, object);
}

bool reply_has_terminal(struct reply *reply)
{
	if (!reply->to->terminal)
		reply_error(reply, "this command needs a terminal, which the %s is not, allowed: "
				   "on the console", reply->to->name);
	return reply->to->terminal;
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
	reply->deadline_tsc = 0; /* more room comes with an event */
	return false;
}
