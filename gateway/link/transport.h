/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Reads where the line is; false: a sentence is on stderr. */
bool transport_setup(const char *where);

/*
 * Returns a new descriptor that does not block and may still be connecting, or -1 when there is
 * none now.
 */
int transport_open(void);
