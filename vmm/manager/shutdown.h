/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/reply.h"

enum shutdown { SHUTDOWN_NONE, SHUTDOWN_REBOOT, SHUTDOWN_POWER_OFF };

/* The machine stops as soon as whoever asked for it has been answered. */
void shutdown_ask(enum shutdown what);

/* Once a turn of the loop: sends all that waits and stops the machine, if it is to stop. */
void shutdown_step(void);

/* For the commands that ask for it: if the console asked, there is no further prompt. */
void shutdown_run(struct reply *reply, enum shutdown what);
