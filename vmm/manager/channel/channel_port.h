/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine_channel;
struct vm;

/* The port of a VM that a machine channel is on. */
struct channel_port {
	u32 vm_id; /* 0: no VM has had it yet */
	u32 boots; /* of the VM: a guest that boots afresh is another client */
	u32 port;
	u64 at;	  /* of the next byte that the guest has written */
	u64 lost; /* of them, in all */
};

/* Looks which ports of VMs are channels now. */
void channel_ports_step(void);
/* Whether that port is one: nobody else reads or writes it. */
bool channel_port_is(const struct vm *vm, u32 port);
