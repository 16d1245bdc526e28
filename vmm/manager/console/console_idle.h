/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/host/serial.h"

/* Sets how long the console may be without input before it is locked; 0: for ever. */
void console_idle_limit(u64 ns);

/* Returns whether nothing was received at the port for that long. */
bool console_idle_over(enum serial_name port);
/* Returns the TSC by which console_idle_over has to be called. */
u64 console_idle_deadline(void);

/* Locks the console, and reports why. */
void console_idle_lock(struct console_output *output);
