/* SPDX-License-Identifier: MIT */
/*
 * Cuts a command line into words, and joins words to a line. Called by command.c,
 * command_complete.c and `watch`. Holds no state.
 */
#include "vmm/manager/command/words.h"

void words_split(struct words *words, const char *line)
{
	char *to = words->bytes;
	bool quoted = false;

	words->count = 0;
	words->problem = NULL;
	while (*line != '\0') {
		while (char_is_space(*line))
			line++;
		if (*line == '\0')
			break;
		if (words->count == ARRAY_COUNT(words->word)) {
			words->problem = "there are too many words; use at most 32 arguments";
			return;
		}
		words->word[words->count++] = to;
		for (; *line != '\0' && (quoted || !char_is_space(*line)); line++) {
			if (*line == '"') {
				quoted = !quoted;
				continue;
			}
			if (quoted && *line == '\\' && line[1] != '\0')
				line++;
			*to++ = *line;
		}
		*to++ = '\0';
	}
	if (quoted)
		words->problem = "a quote is not closed; write \"...\"";
}

static bool words_needs_quotes(const char *word)
{
	for (const char *c = word; *c != '\0'; c++) {
		if (char_is_space(*c) || *c == '"')
			return true;
	}
	return word[0] == '\0';
}

bool words_join(char *line, size_t size, const char *const *words, u32 count)
{
	size_t length = 0;

	for (u32 i = 0; i < count; i++) {
		bool quoted = words_needs_quotes(words[i]);

		/*
		 * The most bytes that a word takes: each character with a backslash, two quotes,
		 * the space before the word, and the line's end.
		 */
		if (length + 2 * strlen(words[i]) + 4 > size)
			return false;
		if (i > 0)
			line[length++] = ' ';
		if (quoted)
			line[length++] = '"';
		for (const char *c = words[i]; *c != '\0'; c++) {
			if (quoted && (*c == '"' || *c == '\\'))
				line[length++] = '\\';
			line[length++] = *c;
		}
		if (quoted)
			line[length++] = '"';
	}
	line[length] = '\0';
	return true;
}
