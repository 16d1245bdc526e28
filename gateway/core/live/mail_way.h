/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Begins the queue of mail, and sets up the process that sends it. */
void mail_way_setup(void);
/* Returns whether the gateway sends mail to that address (--mail-from, --mail-to). */
bool mail_way_allows(const char *address);
