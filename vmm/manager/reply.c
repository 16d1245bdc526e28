/* SPDX-License-Identifier: MIT */
#include "vmm/manager/reply.h"
#include "lib/format.h"

static void write_line(struct reply *reply, const char *prefix, const char *pattern,
		       va_list arguments)
{
	size_t length = format(reply->line, sizeof(reply->line), "%s", prefix);

	length += format_va(reply->line + length, sizeof(reply->line) - 1 - length, pattern,
			    arguments);
	length = MIN(length, sizeof(reply->line) - 2);
	reply->line[length++] = '\n';
	reply->write(reply->context, (struct text){reply->line, length});
}

void reply_line(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	write_line(reply, "", pattern, arguments);
	va_end(arguments);
}

void reply_error(struct reply *reply, const char *pattern, ...)
{
	va_list arguments;

	reply->failed = true;
	va_start(arguments, pattern);
	write_line(reply, "error: ", pattern, arguments);
	va_end(arguments);
}

void reply_object_begin(struct reply *reply)
{
	json_start(&reply->object, reply->line, sizeof(reply->line) - 1);
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
	reply->line[length++] = '\n';
	reply->write(reply->context, (struct text){reply->line, length});
}
