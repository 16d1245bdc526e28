/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/core/live/side_process.h"

/* Begins the queue of mail. */
void mail_way_setup(void);
/* Returns whether the gateway sends mail to that address (--mail-from, --mail-to). */
bool mail_way_allows(const char *address);
/* The process mail, which is started and ends as the process hook does (hook_way.h). */
extern struct side_process mail_process;
