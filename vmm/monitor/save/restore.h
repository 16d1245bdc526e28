/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/*
 * Returns whether this process was given a save from which the guest continues, instead of booting.
 */
bool restore_wanted(void);
/*
 * Ends the set-up of a process that was given a save: loads state and RAM; the VM then waits for
 * handover_start. Returns false if the VM has crashed, with the reason shown.
 */
bool restore_load(struct machine *machine) MUST_CHECK;
