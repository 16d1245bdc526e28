/* SPDX-License-Identifier: MIT */
/*
 * Reads what the image and the host say about a command to run. The gate calls it once for each of
 * them; it touches nothing but its arguments.
 */
#include "iso/init/words.h"

static bool words_number(const char **text, unsigned *number)
{
	uint64_t value = 0;
	const char *at = *text;

	for (; *at >= '0' && *at <= '9' && value < UINT32_MAX; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (at == *text || value >= UINT32_MAX)
		return false;
	*text = at;
	*number = (unsigned)value;
	return true;
}

static bool words_user(struct words *words, const char *text)
{
	unsigned user, group = 0;

	if (!words_number(&text, &user))
		return false;
	if (*text == ':') {
		text++;
		if (!words_number(&text, &group))
			return false;
	}
	words->user = user;
	words->group = group;
	return *text == '\0';
}

/* Whether two entries of the environment have one name. */
static bool words_same_name(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (*a == '=' || *a == '\0')
			return true;
	return false;
}

static bool words_add_environment(struct words *words, char *text)
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
	if (words->environment_count == WORDS_MAX)
		return false;
	words->environment[words->environment_count++] = text;
	return true;
}

static bool words_add_argument(struct words *words, char *text)
{
	if (words->argument_count == WORDS_MAX)
		return false;
	words->argument[words->argument_count++] = text;
	return true;
}

static bool words_take_one(struct words *words, char *text, bool from_host)
{
	switch (*text++) {
	case 'x':
		if (words->entry_count != words->argument_count)
			return false;
		words->entry_count++;
		return words_add_argument(words, text);
	case 'a':
		if (from_host && !words->replaced)
			words->argument_count = words->entry_count;
		words->replaced = from_host;
		return words_add_argument(words, text);
	case 'e':
		return words_add_environment(words, text);
	case 'd':
		words->directory = text;
		return *text == '/';
	case 'u':
		return words_user(words, text);
	case 'h':
		words->host = text;
		return *text != '\0';
	case 'o':
		if (!from_host || *text != '/' || words->wanted_count == WORDS_WANTED)
			return false;
		words->wanted[words->wanted_count++] = text;
		return true;
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
