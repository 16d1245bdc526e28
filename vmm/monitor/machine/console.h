/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/* Console, log lines and commands: the monitor's side of struct vm_channel. */

/* A byte from the guest's serial port; context is the machine. */
void console_put(void *context, u8 byte);
/* A byte from a port of its virtio console; port 0 goes where the serial port goes. */
void console_port_put(void *context, u32 port, u8 byte);
/* Copies the names of the further ports: machine->port_name. */
void console_ports_init(struct machine *machine);
/* Passes what has been typed to the serial port and the ports, as much as they take. */
void console_input(struct machine *machine);
/* Tells the manager, once, that the channel has something new. */
void console_signal(struct machine *machine);

/* Exits of ports without output after which a guest has stopped printing: it polls. */
#define CONSOLE_PATIENCE 64u

/* After each exit of a port: a guest that does nothing else is heard, too. */
static inline void console_after_port(struct machine *machine)
{
	if (unlikely(machine->signal) && ++machine->ports_since_output >= CONSOLE_PATIENCE)
		console_signal(machine);
}
