/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Fills `settings`; false: how it is called is on stderr. */
bool options_read(int count, char **words);

/* "PORT", "ADDRESS:PORT" or "[ADDRESS]:PORT": a listening TCP socket, -1: a sentence is on stderr.
 */
int options_listen(const char *where);
