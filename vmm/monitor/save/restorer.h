/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns whether this process is to write a disk from a chain of backups, and do nothing else:
 * restorer_page.h.
 */
bool restorer_wanted(void);
NORETURN void restorer_run(void);
