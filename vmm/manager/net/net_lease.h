/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/net.h"
#include "vmm/manager/vm/vm_types.h"

/*
 * Assigns an address to a VM's card, and keeps it for as long as the VM is there: *address, in a
 * frame's order of bytes; 0: the card uses any, as its network or its own words say. Returns false,
 * with the reason in `problem`, if there is no address for it.
 */
bool net_lease_assign(struct vm *vm, u32 card, u32 *address, char *problem, size_t size) MUST_CHECK;
/* Returns what the monitor of a card with that address answers its guest by DHCP. */
struct net_lease net_lease_of(const struct net_config *net, u32 address);
