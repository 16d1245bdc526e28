/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * A debugger on COM3, by GDB's remote protocol. One VM at a time: its vCPUs are GDB's threads,
 * numbered from 1. GDB's first packet attaches, which holds the VM; `detach` lets it go, and the
 * line waits for the next GDB. The manager handles the protocol, the VM's monitor handles state and
 * breakpoints.
 */

/* Makes COM3 the VM's line. Returns NULL, or why it cannot. */
const char *gdb_open(const struct vm *vm);
/* Detaches, if need be, and gives up the line. */
void gdb_close(void);
/*
 * Detaches GDB if there is a password, and asks for the password at COM3 before anything else is
 * done there. The line stays with the VM.
 */
void gdb_lock(void);
/* Returns whether COM3 waits for the password. */
bool gdb_locked(void);
/* Return the VM or NULL, whether a GDB is attached to it, and whether that GDB holds the VM. */
const struct vm *gdb_vm(void);
bool gdb_attached(void);
bool gdb_holds(void);

/* Does one turn of receiving and sending; the next turn is due at the TSC gdb_deadline. */
void gdb_step(void);
u64 gdb_deadline(void);
