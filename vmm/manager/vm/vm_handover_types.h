/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * The saved state of a VM on its way from the monitor that saves it, for vm_renew and vm_snapshot.
 * The monitor may still have the memory that it saved to; so the next monitor loads a copy, which
 * has no writers any more.
 */
struct vm_handover {
	handle_t given; /* the memory to which the monitor saves the state */
	/* the memory with the copy of the state; HANDLE_NONE: copying has not begun */
	handle_t copy;
	u64 bytes; /* size of `given` */
	u64 used;  /* the size of the state in bytes */
	u64 at;	   /* number of copied bytes of the state */
};
