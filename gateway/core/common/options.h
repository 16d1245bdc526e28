/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Fills `settings` from the words of the command line. Returns false, after the usage on stderr,
 * when they are wrong.
 */
bool options_read(int count, char **words);

/*
 * Returns a TCP socket that listens at "PORT", "ADDRESS:PORT" or "[ADDRESS]:PORT", or -1 with a
 * sentence on stderr.
 */
int options_listen(const char *where);
