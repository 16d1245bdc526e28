/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * Prints a text of a guest or a server to a terminal: each byte that moves the cursor, changes the
 * order of reading or cannot be seen becomes \xNN. The output is at most 4 times as long.
 */
void escape_print(FILE *to, const char *text);

/* Returns how many columns escape_print() takes for the text. */
size_t escape_columns(const char *text);
