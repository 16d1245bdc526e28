/* SPDX-License-Identifier: MIT */
#pragma once

/* Connections from a guest's socket device to that of another guest: `vsock.peers`. */
#include "vmm/manager/vm/vm_peers_types.h"

struct vm;

/* Whether a guest may talk to the peer of an entry, and why not. */
enum vm_peers_state {
	VM_PEERS_NO_VM,	    /* there is no VM of that name */
	VM_PEERS_ONE_SIDED, /* the other VM does not name this VM and the port, or has no device */
	VM_PEERS_DOWN,	    /* one of the two VMs does not run */
	VM_PEERS_READY,
};

/*
 * Returns the state of an entry of the VM's `vsock.peers`; *peer is the other VM, or NULL. The
 * entry must not be empty.
 */
enum vm_peers_state vm_peers_state(const struct vm *vm, u32 entry, struct vm **peer);
/* Returns the number of connections between the VM and the peer of an entry at its port. */
u32 vm_peers_count(const struct vm *vm, u32 entry);

/*
 * For vm_vsock.c. vm_peers_take() calls the guest with that CID for what the caller's guest asks in
 * that use of the slot; it returns false if that is to be refused. vm_peers_drop() ends all
 * connections that were opened to the VM.
 */
bool vm_peers_take(struct vm *caller, u32 cid, u32 port, u32 slot, u32 use);
void vm_peers_drop(struct vm *vm);

/*
 * For the event loop: moves what waits on all connections, at most a ring's bytes for each of their
 * directions. Returns whether there may be more to do before a monitor signals.
 */
bool vm_peers_step(void);
