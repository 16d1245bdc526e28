/* SPDX-License-Identifier: MIT */
/*
 * Quotes numbers in Skerry's lines that are too large for the JSON library, so that they arrive as
 * text. The link calls it for each line; it uses nothing but its arguments.
 */
#include "gateway/link/number.h"

#include <ctype.h>
#include <string.h>

static bool number_is_large(const char *digits, size_t count)
{
	static const char most[] = "9223372036854775807";

	return count > strlen(most) ||
	       (count == strlen(most) && memcmp(digits, most, strlen(most)) > 0);
}

bool number_quote(const char *text, size_t count, struct buffer *to)
{
	bool string = false, found = false;

	for (size_t i = 0, next; i < count; i = next) {
		bool large = false;

		next = i + 1;
		if (string && text[i] == '\\' && next < count)
			next++;
		else if (text[i] == '"')
			string = !string;
		else if (!string && isdigit((unsigned char)text[i])) {
			while (next < count && isdigit((unsigned char)text[next]))
				next++;
			large = number_is_large(text + i, next - i);
		}
		if (large)
			buffer_text(to, "\"");
		buffer_add(to, text + i, next - i);
		if (large)
			buffer_text(to, "\"");
		found |= large;
	}
	return found && !to->failed;
}
