/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * COM3's own door. While it is shut, somebody with a terminal is asked for the password, and a GDB
 * gets an error for each packet: neither the guest nor the monitor hears of it.
 */
bool gdb_login_open(void);
/* Whether what was typed is being checked: nothing else is taken meanwhile. */
bool gdb_login_busy(void);

/* Shuts it and asks; without a password it stays open. */
void gdb_login_lock(void);
/* A byte from the line while it is shut. */
void gdb_login_take(u8 byte);
/* Goes on checking. */
void gdb_login_step(void);
