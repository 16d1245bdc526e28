/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"
#include "lib/string.h"

const char *boot_option(const char *line, const char *name)
{
	size_t length = strlen(name);
	bool valued = name[length - 1] == '=';
	bool quoted = false;

	for (const char *word = line; *word != '\0'; word++) {
		quoted ^= *word == '"';
		if (quoted || (word != line && word[-1] != ' ') ||
		    !string_starts_with(word, name))
			continue;
		if (valued || word[length] == ' ' || word[length] == '\0')
			return word + length;
	}
	return NULL;
}
