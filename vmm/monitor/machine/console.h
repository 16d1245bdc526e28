/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/* Console, log lines and commands: the monitor's side of struct vm_channel. */

/* Puts a byte from the guest's serial port into the console's ring; context is the machine. */
void console_put(void *context, u8 byte);
/* Puts a byte from a port of the virtio console into its ring; port 0 shares the serial port's. */
void console_port_put(void *context, u32 port, u8 byte);
/* Copies the names of the further ports: machine->port_name. */
void console_ports_init(struct machine *machine);
/* Passes what has been typed to the serial port and the ports, as much as they take. */
void console_input(struct machine *machine);
/* Tells the manager, once, that the channel has something new. */
void console_signal(struct machine *machine);

/* Does the same for what devices share with the manager; `context` is the machine. */
void console_tell(void *context);

/*
 * A guest that makes this many exits of ports without output counts as polling: it has stopped
 * printing.
 */
#define CONSOLE_PATIENCE 64u

/*
 * Counts exits of ports, to be called after each: shows the output of a guest that does nothing but
 * poll.
 */
static inline void console_after_port(struct machine *machine)
{
	if (unlikely(machine->signal) && ++machine->ports_since_output >= CONSOLE_PATIENCE)
		console_signal(machine);
}
