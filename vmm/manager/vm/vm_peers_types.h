/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_vsock_types.h"

/* A connection from a guest to another, which the called VM keeps. */
struct vm_peer_link {
	bool open;     /* false: this entry is free */
	bool answered; /* the caller has been told that the called guest has accepted */
	struct vm_vsock_end caller;
	struct vm_vsock_end callee;
};

struct vm_peers {
	u32 open; /* the number of entries in use */
	/* the connections that other guests have opened, by the entry of `vsock.peers` */
	struct vm_peer_link link[VSOCK_PEERS_MAX][VSOCK_PEER_CONNECTIONS];
};
