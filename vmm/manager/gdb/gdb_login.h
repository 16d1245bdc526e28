/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The login of COM3. While it is locked, a person at a terminal is asked for the password, and a
 * GDB gets an error for each packet: its packets reach neither the guest nor the monitor.
 * gdb_login_open() returns whether COM3 is not locked.
 */
bool gdb_login_open(void);
/* Returns whether a password is being checked: no other input is taken meanwhile. */
bool gdb_login_busy(void);

/* Locks COM3 and asks for the password there; if no password is required COM3 stays open. */
void gdb_login_lock(void);
/* Takes a byte received while COM3 is locked. */
void gdb_login_take(u8 byte);
/* Does the next part of checking a password. */
void gdb_login_step(void);
