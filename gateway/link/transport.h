/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Sets the address that transport_open() opens, in the form of link_setup(). Returns false after a
 * sentence on stderr.
 */
bool transport_setup(const char *where);

/*
 * Opens the address that transport_setup() was given. Returns a descriptor that does not block and
 * may still be connecting, or -1 when there is nothing to connect to now.
 */
int transport_open(void);
