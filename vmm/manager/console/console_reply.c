/* SPDX-License-Identifier: MIT */
/*
 * Writes pieces of answers to the terminal, in colour if the operator allows it. Called by
 * console.c; holds no state.
 */
#include "vmm/manager/console/console_reply.h"

/*
 * ECMA-48, 8.3.117, Select Graphic Rendition: used only if the operator said that the terminal
 * obeys it.
 */
#define COLOUR_OFF    "\x1b[0m"
#define COLOUR_RED    "\x1b[31m"
#define COLOUR_YELLOW "\x1b[33m"
#define BOLD	      "\x1b[1m"

static void console_reply_put_coloured(struct console_output *output, const char *colour,
				       struct text text)
{
	if (colour != NULL)
		console_output_text(output, text_of(colour));
	console_output_text(output, text);
	if (colour != NULL)
		console_output_text(output, TEXT(COLOUR_OFF));
}

/* Returns whether the text is a table's heading: capitals and blanks. */
static bool console_reply_is_heading(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.start[i] != ' ' && (text.start[i] < 'A' || text.start[i] > 'Z'))
			return false;
	}
	return text.length > 0;
}

static const char *console_reply_colour_of(enum reply_kind kind, enum reply_tone tone,
					   struct text text)
{
	if (kind != REPLY_TEXT)
		return NULL;
	if (tone != TONE_PLAIN)
		return tone == TONE_BAD ? COLOUR_RED : COLOUR_YELLOW;
	return console_reply_is_heading(text) ? BOLD : NULL;
}

void console_reply_put(struct console_output *output, bool colours, enum reply_kind kind,
		       enum reply_tone tone, struct text text)
{
	if (kind == REPLY_ERROR)
		console_reply_put_coloured(output, colours ? COLOUR_RED : NULL, TEXT("error: "));
	console_reply_put_coloured(
		output, colours ? console_reply_colour_of(kind, tone, text) : NULL, text);
	console_output_text(output, TEXT("\n"));
}
