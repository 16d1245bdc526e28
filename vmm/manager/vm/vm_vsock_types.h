/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/rt/vsock.h"

/* The manager's side of a guest's socket device (vmm/rt/vsock.h). */
struct vm_vsock {
	handle_t memory; /* the area's memory; destroyed with the VM's group */
	/* the shared area; NULL: the VM has no monitor, or no such device */
	struct vsock_area *area;
	/* rises with each new area: no connection outlives its area */
	u32 generation;
	u32 listen[VSOCK_LISTEN_MAX]; /* ports to which the guest may connect; 0: none */
};
