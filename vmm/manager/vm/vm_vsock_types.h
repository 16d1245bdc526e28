/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/rt/vsock.h"

struct vm;

/*
 * The manager's end of a connection. None of its fields is read from the area that the monitor can
 * write.
 */
struct vm_vsock_end {
	struct vm *vm; /* the VM's entry in the table of VMs, where another VM may be by now */
	u32 vm_id;     /* id of the connection's VM; 0: there is no connection */
	u32 generation;
	u32 slot;
	u32 use;
	/*
	 * the guest's port to which the manager connects, or the manager's to which the guest
	 * connects
	 */
	u32 port;
	u32 guest_port; /* the guest's port as the monitor reports it */
	u32 input_written;
	u32 output_read;
	bool ended; /* the manager will write nothing more to the connection */
};

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
