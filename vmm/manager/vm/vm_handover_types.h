/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * The saved state of a VM on its way from the monitor that saves it, for vm_renew and vm_snapshot.
 * The monitor may still have the memory that it saved to; so others load a copy, to which nobody
 * writes any more.
 */
struct vm_handover {
	handle_t given; /* the memory that the monitor saves to */
	handle_t copy;	/* the copy; HANDLE_NONE: copying has not begun */
	u64 bytes;	/* size of `given` */
	u64 used;	/* the size of the state that is copied */
	u64 at;		/* the bytes of the state copied so far */
};
