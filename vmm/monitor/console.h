/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine.h"

/* Console, log lines and commands: the monitor's side of struct vm_channel. */

/* A byte from the guest's serial port; context is the machine. */
void console_put(void *context, u8 byte);
/* Passes what has been typed to the serial port, as much as it takes. */
void console_input(struct machine *machine);
/* Tells the manager, once, that the channel has something new. */
void console_signal(struct machine *machine);
