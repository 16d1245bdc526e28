/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * Text of a guest or of a server as it may go to a terminal: whatever moves the cursor, changes the
 * order of reading or cannot be seen is shown as \xNN. It prints 4 times as much at most.
 */
void escape_print(FILE *to, const char *text);

/* The columns that escape_print takes. */
size_t escape_columns(const char *text);
