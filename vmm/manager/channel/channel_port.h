/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine_channel;
struct vm;

/* The port of a VM that a machine channel is on. */
struct channel_port {
	u32 vm_id; /* id of the VM that has the channel; 0: no VM has had it yet */
	/*
	 * how often the VM had booted when the port was opened: a guest that boots again is another
	 * client
	 */
	u32 boots;
	u32 port;
	u64 at;	  /* number of the next byte that the guest writes */
	u64 lost; /* total of bytes that were lost */
};

/* Looks which ports of VMs are machine channels now. */
void channel_ports_step(void);
/* Returns whether the port is a machine channel, which nobody else reads or writes. */
bool channel_port_is(const struct vm *vm, u32 port);
