/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/*
 * Saves the VM and holds it (its vCPUs do not run), or reports in the channel to the manager why
 * that is impossible. Call it while no vCPU is in the guest.
 */
void handover_save(struct machine *machine);

/* Holds the VM without saving it, even if it has crashed. */
void handover_hold(struct machine *machine);

/*
 * Lets the VM, which is held (no vCPU runs), go on in this process, which is now the only one that
 * has the VM.
 */
void handover_continue(struct machine *machine);

/*
 * Sets the VM, which is held, back to a saved state, and lets it go on; the manager sets back its
 * RAM. The VM crashes if that fails.
 */
void handover_load(struct machine *machine);

/*
 * Loads once more, over the present state, what this process has saved, and lets the VM go on: it
 * is the VM's own, and nobody else could write to it. Call it while no vCPU is in the guest.
 * Returns false if the VM has crashed.
 */
bool handover_load_again(struct machine *machine, const void *bytes);

/*
 * Waits until the VM's disks have answered what they were asked. Returns false, with the reason in
 * the channel's handover_problem, if one does not in time.
 */
bool handover_disks_have_answered(struct machine *machine);

/*
 * Ends the set-up of a clone: loads another VM's saved state; handover_start lets the VM run.
 * Returns false if the VM has crashed.
 */
bool handover_clone(struct machine *machine);
void handover_start(struct machine *machine);

/*
 * Ends the set-up of a process started with START_STATE: loads the saved state and holds the VM.
 * Returns false after machine_refuse has told the manager why.
 */
bool handover_take(struct machine *machine);
