/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A process that writes a disk from a chain of backups, and does nothing else: restorer_page.h. */
bool restorer_wanted(void);
NORETURN void restorer_run(void);
