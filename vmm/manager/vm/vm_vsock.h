/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Connections between programs in a guest and clients of the manager or programs in other guests,
 * through the guest's socket device.
 */
#include "vmm/manager/vm/vm_vsock_types.h"

struct process_build;
struct vm;

/* The states of a connection, as the manager sees them. */
enum vm_vsock_state {		      /* in the order of a connection's life */
		      VM_VSOCK_WAITS, /* the guest has not answered the connection yet */
		      VM_VSOCK_OPEN,
		      VM_VSOCK_ENDED, /* the guest writes no more; its earlier bytes can still be
				       * read */
		      VM_VSOCK_DONE,  /* the guest writes no more, and reads no more */
		      /* the connection is gone, or its VM is gone */
		      VM_VSOCK_RESET,
};

/*
 * vm_vsock_create() makes the shared area of a VM that has a socket device, vm_vsock_give() gives
 * it to the monitor, vm_vsock_release() unmaps it. For vm_build.c.
 */
void vm_vsock_create(struct vm *vm, struct process_build *build);
void vm_vsock_give(const struct vm *vm, struct process_build *build);
void vm_vsock_release(struct vm *vm);

/* For vm_report.c: refuses connections that the guest opens to ports without a listener. */
void vm_vsock_look(struct vm *vm);

/*
 * Lets the guest connect to this port of the manager. Returns false if it may connect to it
 * already, or to too many.
 */
bool vm_vsock_listen(struct vm *vm, u32 port);
void vm_vsock_unlisten(struct vm *vm, u32 port);

/* Returns the VM of a connection's end, or NULL if that VM is gone. */
struct vm *vm_vsock_owner(const struct vm_vsock_end *end);

/*
 * Connects to a port of the guest in the name of that CID. Returns false if there is no room for
 * another connection.
 */
bool vm_vsock_call(struct vm *vm, u32 cid, u32 port, struct vm_vsock_end *end);
/* Accepts a connection that the guest opens to a port. Returns false if there is none. */
bool vm_vsock_accept(struct vm *vm, u32 port, struct vm_vsock_end *end);
/*
 * Fills in an end for what the guest asks in that use of the slot; vm_vsock_answer() accepts it,
 * and returns false if the VM cannot pay for it. vm_vsock_close() refuses it.
 */
void vm_vsock_ask(struct vm *vm, u32 slot, u32 use, struct vm_vsock_end *end);
/* Returns whether the guest still waits for the answer to what it asks. */
bool vm_vsock_still_asks(const struct vm_vsock_end *end);
bool vm_vsock_answer(struct vm_vsock_end *end);
enum vm_vsock_state vm_vsock_state(const struct vm_vsock_end *end);
/* Returns how many bytes can be written to the guest now. */
u32 vm_vsock_room(const struct vm_vsock_end *end);
/* Writes bytes to the guest, at most as many as vm_vsock_room has returned. */
void vm_vsock_write(struct vm_vsock_end *end, const u8 *bytes, u32 count);
/* Reads the guest's bytes; returns their number. */
u32 vm_vsock_read(struct vm_vsock_end *end, u8 *bytes, u32 size);
/* Returns whether the guest has sent bytes that were not read yet. */
bool vm_vsock_has_bytes(const struct vm_vsock_end *end);
/* Tells the guest that the manager writes nothing more to the connection. */
void vm_vsock_finish(struct vm_vsock_end *end);
/* Ends the manager's part of the connection. If the guest still uses it, the guest gets an RST. */
void vm_vsock_close(struct vm_vsock_end *end);
