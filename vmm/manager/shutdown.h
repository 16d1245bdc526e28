/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/reply.h"

enum shutdown { SHUTDOWN_NONE, SHUTDOWN_REBOOT, SHUTDOWN_POWER_OFF };

/* Has the host switched off or reset, as soon as the asker's answer was sent. */
void shutdown_ask(enum shutdown what);

/*
 * Stops the host, if it is to stop: has stores given back, for some seconds at most, then sends all
 * waiting output. Called once a turn of the loop.
 */
void shutdown_step(void);
/* Returns the TSC at which shutdown_step is to be called even if nothing happens; ~0: never. */
u64 shutdown_deadline(void);

/*
 * Has the host switched off or reset, for the commands that stop the host, and shows no further
 * prompt at the console.
 */
void shutdown_run(struct reply *reply, enum shutdown what);
