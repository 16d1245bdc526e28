/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/* Saves the machine and holds it, or says in the channel why not. No vCPU is in the guest. */
void handover_save(struct machine *machine);

/* Holds the machine without saving it, also when it has crashed. */
void handover_hold(struct machine *machine);

/* Lets the machine go on in this process, which alone has it. */
void handover_continue(struct machine *machine);

/*
 * Sets the machine, which is held, back to a saved state, and lets it go on; its RAM is the
 * manager's business. The machine crashes if that fails.
 */
void handover_load(struct machine *machine);

/*
 * Ends the set-up of a clone from another VM's state; handover_start lets the machine run. Returns
 * false if the machine has crashed.
 */
bool handover_clone(struct machine *machine);
void handover_start(struct machine *machine);

/*
 * Ends the set-up of a process started with START_STATE: loads the state and holds the machine.
 * Returns false after machine_refuse has told the manager why.
 */
bool handover_take(struct machine *machine);
