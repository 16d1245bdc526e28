/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns whether this process was started to save a VM. The VM's monitor holds the VM during the
 * save.
 */
bool saver_wanted(void);
/*
 * Writes the state (START_STATE) and the RAM to the disk or transfer that START_SAVE names, and
 * reports the result to the manager, as a new monitor does (taken_renewal, refused_renewal). Then
 * the manager ends the process.
 */
NORETURN void saver_run(void);
