/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/* Takes the call that the guest has made. */
void window_run_call(struct machine *machine);
/* Looks what has become of the snapshot that the guest waits for. */
void window_run_look(struct machine *machine);
/* Keeps the state that was just saved, if it is that of the snapshot that the guest asked for. */
void window_run_keep(struct machine *machine, const void *state, u64 used);
/* Goes back to the snapshot; no vCPU is in the guest. */
void window_run_back(struct machine *machine);
/* Goes on with the numbers of requests where the VM's former process has ended. */
void window_run_inherit(struct machine *machine);
