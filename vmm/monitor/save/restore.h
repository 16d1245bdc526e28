/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/* Whether this process was given a save to go on from, in place of booting its guest. */
bool restore_wanted(void);
/*
 * The rest of the set-up of such a process: state and RAM are loaded, and the machine waits for
 * handover_start. False: the machine has crashed, for the reason that is shown.
 */
bool restore_load(struct machine *machine) MUST_CHECK;
