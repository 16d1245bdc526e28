/* SPDX-License-Identifier: MIT */
/*
 * The C function strchr for ring 3, which lib/ lacks. Touches nothing but its argument.
 */
#include "lib/string.h"

char *strchr(const char *text, int c)
{
	for (;; text++) {
		if (*text == (char)c)
			return (char *)(uintptr_t)text;
		if (*text == '\0')
			return NULL;
	}
}
