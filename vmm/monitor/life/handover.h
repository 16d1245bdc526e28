/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/* No vCPU is in the guest: saves the machine and holds it, or says in the channel why not. */
void handover_save(struct machine *machine);

/* Holds the machine without saving it, also when it has crashed. */
void handover_hold(struct machine *machine);

/* The machine goes on here: this process alone has it. */
void handover_continue(struct machine *machine);

/*
 * The machine, which is held, becomes what it was when its state was saved, and goes on; its RAM is
 * the manager's business. One that cannot is crashed.
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
