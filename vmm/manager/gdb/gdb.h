/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * A debugger on COM3, by GDB's remote protocol. One VM at a time: its vCPUs are GDB's threads,
 * numbered from 1. GDB's first packet attaches, which holds the guest; `detach` lets the guest
 * continue, and COM3 waits for the next GDB. The manager handles the protocol, the VM's monitor
 * handles state and breakpoints.
 */

/* Reserves COM3 for debugging the VM. Returns NULL, or why it cannot. */
const char *gdb_open(const struct vm *vm);
/* Detaches GDB, if one is attached, and frees COM3. */
void gdb_close(void);
/*
 * Detaches GDB if there is a password, and asks for the password at COM3 before anything else is
 * done there. COM3 stays reserved for the VM.
 */
void gdb_lock(void);
/* Returns whether COM3 waits for the password. */
bool gdb_locked(void);
/*
 * Return the VM for which COM3 is reserved or NULL, whether a GDB is attached to it, and whether
 * that GDB holds the guest.
 */
const struct vm *gdb_vm(void);
bool gdb_attached(void);
bool gdb_holds(void);

/* Does one turn of receiving and sending; the next turn is due at the TSC gdb_deadline. */
void gdb_step(void);
u64 gdb_deadline(void);
