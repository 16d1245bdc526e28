/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/rt/vsock.h"

/* The manager's side of a guest's socket device (vmm/rt/vsock.h). */
struct vm_vsock {
	handle_t memory; /* memory of the shared area; destroyed with the VM's memory group */
	/*
	 * the area shared with the monitor, as mapped in the manager; NULL: the VM has no monitor,
	 * or no such device
	 */
	struct vsock_area *area;
	/* number of shared areas made so far: no connection outlives its area */
	u32 generation;
	/* ports of the manager to which the guest may connect; 0: the entry is free */
	u32 listen[VSOCK_LISTEN_MAX];
};
