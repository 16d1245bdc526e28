/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Reads where the line is; false: a sentence is on stderr. */
bool transport_setup(const char *where);

/* A new descriptor that does not block, perhaps still connecting; -1: not now. */
int transport_open(void);
