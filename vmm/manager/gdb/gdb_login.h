/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The login of COM3. While it is locked, somebody with a terminal is asked for the password, and a
 * GDB gets an error for each packet: neither the guest nor the monitor hears of it. This function
 * returns whether it is open.
 */
bool gdb_login_open(void);
/* Returns whether a password is being checked: no other input is taken meanwhile. */
bool gdb_login_busy(void);

/* Locks COM3 and asks; without a required password it stays open. */
void gdb_login_lock(void);
/* Takes a byte received while COM3 is locked. */
void gdb_login_take(u8 byte);
/* Continues checking a password. */
void gdb_login_step(void);
