/* SPDX-License-Identifier: MIT */
/*
 * The ring of bytes for the operator's terminal. Called by the files of this folder that write;
 * console_send.c empties it. Holds no state beyond the given ring.
 */
#include "vmm/manager/console/console_output.h"
#include "vmm/rt/format.h"

#define LOSS_TEXT_MAX 64u

void console_output_init(struct console_output *output)
{
	output->written = 0;
	output->sent = 0;
	output->lost = 0;
	output->line_start = true;
}

u32 console_output_room(const struct console_output *output)
{
	return CONSOLE_OUTPUT_BYTES - (output->written - output->sent);
}

static void console_output_emit(struct console_output *output, u8 byte)
{
	output->bytes[output->written % CONSOLE_OUTPUT_BYTES] = byte;
	output->written++;
	output->line_start = byte == '\n' || byte == '\r';
}

bool console_output_tell_loss(struct console_output *output)
{
	char text[LOSS_TEXT_MAX];

	if (output->lost == 0 || console_output_room(output) < LOSS_TEXT_MAX)
		return false;
	format(text, sizeof(text), "%s[%llu bytes of output lost]\r\n",
	       output->line_start ? "" : "\r\n", (unsigned long long)output->lost);
	output->lost = 0;
	for (const char *c = text; *c != '\0'; c++)
		console_output_emit(output, (u8)*c);
	return true;
}

void console_output_raw(struct console_output *output, const void *bytes, size_t count)
{
	const u8 *byte = bytes;

	(void)console_output_tell_loss(output);
	for (size_t i = 0; i < count; i++) {
		/*
		 * Once a byte is lost, all bytes after it are lost too, up to the line that reports
		 * the loss.
		 */
		if (output->lost > 0 || console_output_room(output) == 0)
			output->lost++;
		else
			console_output_emit(output, byte[i]);
	}
}

void console_output_text(struct console_output *output, struct text text)
{
	size_t start = 0;

	for (size_t i = 0; i < text.length; i++) {
		if (text.start[i] != '\n')
			continue;
		console_output_raw(output, text.start + start, i - start);
		console_output_raw(output, "\r\n", 2);
		start = i + 1;
	}
	console_output_raw(output, text.start + start, text.length - start);
}

void console_output_fresh_line(struct console_output *output)
{
	if (!output->line_start)
		console_output_raw(output, "\r\n", 2);
}

const u8 *console_output_waiting(const struct console_output *output, u32 *count)
{
	u32 at = output->sent % CONSOLE_OUTPUT_BYTES;

	*count = MIN(output->written - output->sent, CONSOLE_OUTPUT_BYTES - at);
	return output->bytes + at;
}

void console_output_taken(struct console_output *output, u32 count)
{
	output->sent += count;
}
