/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/* Returns whether this process was given a save to go on from, in place of booting its guest. */
bool restore_wanted(void);
/*
 * Ends the set-up of such a process: loads state and RAM; the machine then waits for
 * handover_start. Returns false if the machine has crashed, with the reason shown.
 */
bool restore_load(struct machine *machine) MUST_CHECK;
