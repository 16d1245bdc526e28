/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/* Does the work in machine->todo if no vCPU is in the guest. */
void todo_do_all(struct machine *machine);

/*
 * Does the work in machine->todo, if there is any and no vCPU is in the guest. Call it when a vCPU
 * has left the guest, and when work may have been added.
 */
static inline void todo_do(struct machine *machine)
{
	if (unlikely(machine->todo != 0))
		todo_do_all(machine);
}
