/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "kernel/abi/object.h"
#include "vmm/manager/vm/vm_monitor_types.h"
#include "vmm/manager/vm/vm_operation_types.h"

struct vm;

enum vm_renew_phase {
	RENEW_NONE,
	RENEW_SAVING,	  /* the old monitor saves the VM's state */
	RENEW_STANDING,	  /* the guest stands still until the rekey lets the renewal continue */
	RENEW_TAKING,	  /* the new monitor loads the state, while the old monitor is held */
	RENEW_CONTINUING, /* the one monitor that remains continues the guest */
};

/* A new monitor process under a running guest: at most one renewal at a time for each VM. */
struct vm_renewal {
	u32 number;	/* number of the last renewal */
	handle_t state; /* memory with the state that the old monitor saved */
	u64 used;	/* size of that state in bytes */
	bool stands;	/* the renewal waits in RENEW_STANDING before the new monitor is made */
	/* records (pieces) that a save had written when the manager last looked */
	u32 moved;
	struct vm_monitor heir; /* the new monitor, until it becomes the VM's */
};
