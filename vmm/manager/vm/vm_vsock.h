/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_vsock_types.h"

struct process_build;
struct vm;

/* The manager's end of a connection. Nothing in it is read from the area. */
struct vm_vsock_end {
	struct vm *vm; /* the VM's place in the list, where another VM may be by now */
	u32 vm_id;     /* the VM's id; 0: there is no connection */
	u32 generation;
	u32 slot;
	u32 use;
	u32 port;	/* the guest's port, or the port that the guest called */
	u32 guest_port; /* the guest's port as the monitor says */
	u32 input_written;
	u32 output_read;
	bool ended; /* nothing more is written to the connection */
};

/* What there is to say of a connection. */
enum vm_vsock_state {		      /* in the order in which a connection goes through them */
		      VM_VSOCK_WAITS, /* the guest has not answered */
		      VM_VSOCK_OPEN,
		      VM_VSOCK_ENDED, /* the guest writes no more; what it has written can still be
					 read */
		      VM_VSOCK_DONE,  /* the guest writes no more, and reads no more */
		      /* the connection is gone, with its VM or without */
		      VM_VSOCK_RESET,
};

/*
 * Makes the area of a VM that has the device, and shares it with the monitor; the other function
 * lets the area go. For vm_build.c.
 */
void vm_vsock_create(struct vm *vm, struct process_build *build);
void vm_vsock_give(const struct vm *vm, struct process_build *build);
void vm_vsock_release(struct vm *vm);

/* For vm_report.c: answers a guest that calls a port on which nobody listens any more. */
void vm_vsock_look(struct vm *vm);

/* Lets the guest call a port. Returns false if it may call too many, or that one already. */
bool vm_vsock_listen(struct vm *vm, u32 port);
void vm_vsock_unlisten(struct vm *vm, u32 port);

/* Returns the end's VM, or NULL if it is gone. */
struct vm *vm_vsock_owner(const struct vm_vsock_end *end);

/* Calls a port of the guest. Returns false if there is no room for another connection. */
bool vm_vsock_call(struct vm *vm, u32 port, struct vm_vsock_end *end);
/* Takes a connection that the guest opens to a port. Returns false if there is none. */
bool vm_vsock_accept(struct vm *vm, u32 port, struct vm_vsock_end *end);
enum vm_vsock_state vm_vsock_state(const struct vm_vsock_end *end);
/* Returns how many bytes the ring to the guest takes. */
u32 vm_vsock_room(const struct vm_vsock_end *end);
/* Writes bytes for which vm_vsock_room has said that there is room. */
void vm_vsock_write(struct vm_vsock_end *end, const u8 *bytes, u32 count);
/* Reads what the guest has sent; returns how many bytes. */
u32 vm_vsock_read(struct vm_vsock_end *end, u8 *bytes, u32 size);
/* Returns whether there is something to read. */
bool vm_vsock_has_bytes(const struct vm_vsock_end *end);
/* Says that nothing more is written. */
void vm_vsock_finish(struct vm_vsock_end *end);
/* Has nothing more to do with the connection. A guest that still has is told by an RST. */
void vm_vsock_close(struct vm_vsock_end *end);
