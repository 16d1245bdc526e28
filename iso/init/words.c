/* SPDX-License-Identifier: MIT */
/*
 * Reads what the image and the host say about a command to run. The first process calls it for the
 * image, the gate for the host, the command's for PATH; it touches nothing but its arguments.
 */
#include "iso/init/words.h"

/* Reads A, or A and B with `between` in between, in decimal; B is 0 if it is missing. */
static bool words_pair(const char *text, char between, unsigned *a, unsigned *b)
{
	uint64_t number[2] = {0, 0};
	bool second = false, digit = false;

	for (; *text != '\0'; text++) {
		bool parts = *text == between && digit && !second;

		digit = *text >= '0' && *text <= '9';
		second = second || parts;
		if (digit)
			number[second] = number[second] * 10 + (uint64_t)(*text - '0');
		if ((!digit && !parts) || number[second] >= UINT32_MAX)
			return false;
	}
	*a = (unsigned)number[0];
	*b = (unsigned)number[1];
	return digit;
}

/* Whether two entries of the environment have one name. */
static bool words_same_name(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (*a == '=' || *a == '\0')
			return true;
	return false;
}

static bool words_add(char **list, unsigned *count, unsigned most, char *text)
{
	if (*count == most)
		return false;
	list[(*count)++] = text;
	return true;
}

bool words_add_environment(struct words *words, char *text)
{
	char *equals = text;

	while (*equals != '\0' && *equals != '=')
		equals++;
	if (equals == text || *equals == '\0')
		return false;
	for (unsigned i = 0; i < words->environment_count; i++) {
		if (words_same_name(words->environment[i], text)) {
			words->environment[i] = text;
			return true;
		}
	}
	return words_add(words->environment, &words->environment_count, WORDS_MAX, text);
}

static bool words_take_one(struct words *words, char *text, bool from_host)
{
	switch (*text++) {
	case 'x':
		return words->entry_count++ == words->argument_count &&
		       words_add(words->argument, &words->argument_count, WORDS_MAX, text);
	case 'a':
		if (from_host && !words->replaced)
			words->argument_count = words->entry_count;
		words->replaced = from_host;
		return words_add(words->argument, &words->argument_count, WORDS_MAX, text);
	case 'e':
		return words_add_environment(words, text);
	case 'd':
		words->directory = text;
		words->placed = from_host;
		return *text == '/';
	case 'n':
		words->name = text;
		return from_host && *text != '\0';
	case 'f':
		words->act = text;
		return from_host;
	case 'u':
		return words_pair(text, ':', &words->user, &words->group);
	case 't':
		return from_host && words_pair(text, 'x', &words->rows, &words->columns) &&
		       words->rows - 1 < WORDS_SIDE && words->columns - 1 < WORDS_SIDE;
	case 'h':
		words->host = text;
		return *text != '\0';
	case 'o':
		return from_host && *text == '/' &&
		       words_add(words->wanted, &words->wanted_count, WORDS_WANTED, text);
	case 'v':
	case 'r':
		words->volume_read = text[-1] == 'r';
		words->volume = text;
		return from_host && text[0] == '/' && text[1] != '\0';
	default:
		return false;
	}
}

bool words_take(struct words *words, char *bytes, size_t count, bool from_host)
{
	if (count != 0 && bytes[count - 1] != '\0')
		return false;
	for (size_t at = 0; at < count; at += text_length(bytes + at) + 1)
		if (!words_take_one(words, bytes + at, from_host))
			return false;
	words->argument[words->argument_count] = NULL;
	words->environment[words->environment_count] = NULL;
	return true;
}

const char *words_environment(const struct words *words, const char *name)
{
	for (unsigned i = 0; i < words->environment_count; i++)
		if (words_same_name(words->environment[i], name))
			return words->environment[i] + text_length(name);
	return NULL;
}
