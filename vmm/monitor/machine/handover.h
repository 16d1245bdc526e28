/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/*
 * A machine goes over to another monitor process. The old one saves its state into memory that the
 * manager gave it, and stands still: no vCPU runs, nothing is taken from a link, the guest's time
 * does not go on. The new one is built from the same configuration, loads that state, and stands
 * still as well. Then the manager ends one of the two and has the other go on. Under the machine's
 * lock.
 */
struct handover {
	bool held;   /* nothing moves until VM_COMMAND_CONTINUE or VM_COMMAND_LOAD */
	bool loaded; /* VM_COMMAND_START does not boot the guest but goes on from a loaded state */
	u32 sum;     /* of the state that VM_COMMAND_LOAD has loaded last; 0: none */
	u64 sum_of;  /* so many bytes */
	u32 number;  /* MONITOR_RENEWAL of a process that has not taken over yet; 0: it has */
};

/* No vCPU is in the guest: saves the machine and holds it, or says in the channel why not. */
void handover_save(struct machine *machine);

/* The same without saving it, also when it has crashed. */
void handover_hold(struct machine *machine);

/* The machine goes on here: this process alone has it. */
void handover_continue(struct machine *machine);

/*
 * The machine, which is held, becomes what it was when its state was saved, and goes on; its RAM is
 * the manager's business. One that cannot is crashed.
 */
void handover_load(struct machine *machine);

/*
 * With the key `clock = jump` time goes on by as long as the state, which was just loaded, has lain
 * somewhere. The guest's time stands still. A watchdog does not count it.
 */
void handover_catch_up(struct machine *machine, const void *state);

/*
 * The rest of the set-up of a clone: of another VM's state, which goes on with handover_start.
 * False: the machine is crashed.
 */
bool handover_clone(struct machine *machine);
void handover_start(struct machine *machine);

/*
 * The rest of the set-up of a process that was started with START_STATE: the state is loaded, and
 * the machine held. False: handover_refuse has told the manager why.
 */
bool handover_take(struct machine *machine);

/* This process cannot take over: `reason` goes to the manager, and nothing of the VM changes. */
void handover_refuse(struct machine *machine, const char *reason);
