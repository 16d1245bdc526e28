/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"

/*
 * The monitor's side of the console rings in struct vm_channel, the memory shared with the manager.
 */

/*
 * Puts a byte from the guest's serial port into the console's ring; `context` is the struct
 * machine.
 */
void console_put(void *context, u8 byte);
/*
 * Puts a byte from a port of the virtio console into that port's ring; port 0 has the same ring as
 * the serial port.
 */
void console_port_put(void *context, u32 port, u8 byte);
/* Copies the names of the virtio console's ports but the first into machine->port_name. */
void console_ports_init(struct machine *machine);
/*
 * Passes the operator's input to the serial port and the console's ports, as much as these have
 * room for.
 */
void console_input(struct machine *machine);
/* Signals the manager once for everything new in the channel since the last signal. */
void console_signal(struct machine *machine);

/*
 * Signals the manager that a device has changed memory shared with it; `context` is the struct
 * machine.
 */
void console_tell(void *context);

/*
 * A guest that makes this many exits for port accesses without output counts as polling: it has
 * stopped printing.
 */
#define CONSOLE_PATIENCE 64u

/*
 * Call it after each exit for a port access. Shows the manager the output of a guest that now does
 * nothing but poll.
 */
static inline void console_after_port(struct machine *machine)
{
	if (unlikely(machine->signal) && ++machine->ports_since_output >= CONSOLE_PATIENCE)
		console_signal(machine);
}
