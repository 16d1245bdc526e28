/* SPDX-License-Identifier: MIT */
/* Functions on pieces of text. Called by most of the manager; holds no state. */
#include "vmm/manager/text/text.h"

bool text_next_word(struct text *rest, struct text *word)
{
	size_t length = 0;

	*rest = text_trim(*rest);
	while (length < rest->length && !char_is_space(rest->start[length]))
		length++;
	*word = (struct text){rest->start, length};
	rest->start += length;
	rest->length -= length;
	return length > 0;
}

bool text_copy(char *to, size_t size, struct text text)
{
	if (text.length >= size)
		return false;
	memcpy(to, text.start, text.length);
	to[text.length] = '\0';
	return true;
}

const char *text_show(char *to, size_t size, struct text text)
{
	bool cut = text.length >= size;
	size_t length = cut ? size - 4 : text.length;

	for (size_t i = 0; i < length; i++)
		to[i] = char_is_printable(text.start[i]) ? text.start[i] : '?';
	memcpy(to + length, cut ? "..." : "", cut ? 4 : 1);
	return to;
}

bool text_contains(struct text text, struct text part)
{
	for (size_t i = 0; i + part.length <= text.length; i++) {
		if (memcmp(text.start + i, part.start, part.length) == 0)
			return true;
	}
	return false;
}
