/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Operations: the manager's work on a VM that takes many turns of its loop, one phase after
 * another. All have the same shape, so that code that moves VMs on, ends them or asks whether they
 * are busy need not know any of them. A new operation is a line here and one in the table of
 * vm_operation.c.
 */
enum vm_operation_kind { /* the operations in the order of their steps in a turn */
			 OPERATION_TRIM,
			 OPERATION_STOP,
			 OPERATION_CHANGE,
			 OPERATION_RENEW,
			 OPERATION_SNAPSHOT,
			 OPERATION_SAVE,
			 OPERATION_BACKUP,
			 OPERATION_SCHEDULE,
			 OPERATION_REKEY,
			 OPERATION_MEDIA,
			 OPERATION_ON_REQUEST,
			 OPERATION_COUNT
};

#define VM_PROBLEM_BYTES 200u

/* The state common to all operations of a VM; each has more of its own in struct vm. */
struct vm_operation {
	/* the phase, from the operation's own enum; 0: the operation is not under way */
	u32 phase;
	u64 until_tsc; /* TSC at which the present phase's time limit is over; ~0: it has none */
	/* why the operation failed the last time; "": it succeeded */
	char problem[VM_PROBLEM_BYTES];
};
