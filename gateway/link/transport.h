/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Sets what transport_open() opens, from a text as link_setup() gets it. Returns false after a
 * sentence on stderr.
 */
bool transport_setup(const char *where);

/*
 * Opens what transport_setup() was told. Returns a descriptor that does not block and may still be
 * connecting, or -1 when there is nothing to connect to now.
 */
int transport_open(void);
