/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/host/serial.h"

/* How long nothing may be typed at the console before it is locked; 0: as long as one likes. */
void console_idle_limit(u64 ns);

/* Whether nothing has come in at the port for that long. */
bool console_idle_over(enum serial_name port);
/* The TSC at which that has to be asked at the latest. */
u64 console_idle_deadline(void);

/* Locks the console, and says why. */
void console_idle_lock(struct console_output *output);
