/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine_channel;
struct vm;

/* The port of a VM that a machine channel is on. */
struct channel_port {
	u32 vm_id; /* id of the VM that has the channel, or had it last; 0: no VM has had it yet */
	/*
	 * how often the VM had booted when the channel began on the port: a guest that boots again
	 * is another client
	 */
	u32 boots;
	u32 port;
	/* number of the next byte to receive, of all that the guest has written to the port */
	u64 at;
	u64 lost; /* total of bytes that the guest has written and the channel has missed */
};

/*
 * Looks which ports of VMs are machine channels now, begins channels on new ones, and ends the
 * others.
 */
void channel_ports_step(void);
/* Returns whether the port is a machine channel, which no console or stream may read or write. */
bool channel_port_is(const struct vm *vm, u32 port);
