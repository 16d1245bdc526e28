/* SPDX-License-Identifier: MIT */
/*
 * Finds options in the kernel's command line. boot/kaslr.c and boot/init/main.c call it, also
 * before the image is relocated. It only reads the line, which comes from the loader and is not
 * trusted.
 */
#include "boot/boot.h"
#include "lib/string.h"

u32 boot_option(const char *line, const char *name)
{
	size_t length = strlen(name);
	bool valued = name[length - 1] == '=';
	bool quoted = false;

	for (const char *word = line; *word != '\0'; quoted ^= *word++ == '"') {
		bool opens = *word == '"';
		const char *at = word + opens;
		u32 value = !valued;

		if (quoted || (word != line && (u8)word[-1] > ' ') || !string_starts_with(at, name))
			continue;
		for (at += length; valued && *at >= '0' && *at <= '9' && value < 10000; at++)
			value = value * 10 + (u32)(*at - '0');
		if (value != 0 && (*at == '"') == opens && (u8)at[opens] <= ' ')
			return value;
	}
	return 0;
}
