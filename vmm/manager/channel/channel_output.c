/* SPDX-License-Identifier: MIT */
/*
 * The ring of bytes that a machine channel has still to send. Called by the files of this folder
 * that write answers and lines. Holds no state beyond the given ring.
 */
#include "vmm/manager/channel/channel_output.h"

#define QUOTED_BYTES (REPLY_LINE_BYTES + 1024)

u32 channel_output_room(const struct channel_output *output)
{
	return CHANNEL_OUTPUT_BYTES - (output->written - output->sent);
}

bool channel_output_add(struct channel_output *output, struct text text)
{
	if (channel_output_room(output) < text.length)
		return false;
	for (size_t i = 0; i < text.length; i++)
		output->bytes[output->written++ % CHANNEL_OUTPUT_BYTES] = (u8)text.start[i];
	return true;
}

bool channel_output_string(struct channel_output *output, const char *string)
{
	return channel_output_add(output, text_of(string));
}

bool channel_output_quoted(struct channel_output *output, struct text text)
{
	static char quoted[QUOTED_BYTES];
	struct json json;
	size_t length;

	do {
		json_start(&json, quoted, sizeof(quoted));
		json_text(&json, NULL, text);
		length = json_finish(&json);
		text.length /= 2;
	} while (length == 0);
	return channel_output_add(output, (struct text){quoted, length});
}

void channel_output_cut(struct channel_output *output, u32 start, char *bytes)
{
	for (u32 i = start; i != output->written; i++)
		*bytes++ = (char)output->bytes[i % CHANNEL_OUTPUT_BYTES];
	output->written = start;
}

void channel_output_send(struct channel_output *output,
			 u32 (*send)(void *context, const u8 *bytes, u32 count), void *context)
{
	u32 count;
	u32 sent;

	do {
		u32 at = output->sent % CHANNEL_OUTPUT_BYTES;

		count = MIN(output->ready - output->sent, CHANNEL_OUTPUT_BYTES - at);
		sent = count > 0 ? send(context, output->bytes + at, count) : 0;
		output->sent += sent;
	} while (sent > 0 && sent == count);
}
