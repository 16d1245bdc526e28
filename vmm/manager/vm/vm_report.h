/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* What a VM's monitor had written into its channel at the last look. */
struct vm_report {
	bool heard; /* the monitor has signalled since: there is more to take over */
	bool ready; /* the monitor has set itself up */
	u32 state;  /* as the monitor says: any number */
	u32 done;   /* sequence number of the last command that it has done */
	u32 resets;
	u32 unasked; /* resets that nobody asked for */
};

/* For vm_step, before any operation's step: takes over what is new. */
void vm_report_step(struct vm *vm);
/* Takes over what the monitor has written; the VM may begin, stop, crash or be given up by that. */
void vm_report_take(struct vm *vm);
/*
 * Takes over that the guest went back to a snapshot. Returns false, with the reason in vm->reason,
 * if it is still crashed.
 */
bool vm_report_after_reset(struct vm *vm);
/* Takes over that the monitor's process has ended. */
void vm_process_ended(struct vm *vm);
