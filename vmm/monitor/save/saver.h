/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Returns whether this process was started to save a VM, whose monitor stands still meanwhile. */
bool saver_wanted(void);
/*
 * Writes the state (START_STATE) and the RAM to where START_SAVE says and tells the manager how
 * that went, as a new monitor does (taken_renewal, refused_renewal). The manager ends the process
 * then.
 */
NORETURN void saver_run(void);
