/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/*
 * The IPv4 addresses that a network assigns by DHCP. Addresses are numbers whose highest byte is
 * the first of the four, so that they can be counted.
 */
struct net_range {
	u32 first; /* the network's own address */
	u32 last;  /* the address to all of the network */
};

/* Reads the network's `dhcp`. Returns false if there is none, or it is not valid. */
bool config_net_range(const struct net_config *net, struct net_range *range);
/* Returns an address of net_config's text, 0 if there is none, in a frame's order of bytes. */
u32 config_net_address(const char *text);
/*
 * Returns the address in whose name the monitors answer DHCP: the last one that a host may have.
 */
static inline u32 net_range_server(const struct net_range *range)
{
	return range->last - 1;
}

static inline bool net_range_has(const struct net_range *range, u32 address)
{
	return address > range->first && address < range->last;
}

/*
 * Returns whose an address in a frame's order of bytes is on a network with `dhcp`, such as
 * "router", or NULL if a VM may have it.
 */
const char *config_net_whose(const struct net_config *net, u32 address);
/*
 * Returns false, with the mistake in `problem`, if a line of the VM sets an address that its
 * network's router, name server or DHCP server has.
 */
bool config_net_check_cards(const struct vm_config *vm, char *problem, size_t size);
/* Returns false, with the mistake in `problem`, if the section's keys cannot all be meant. */
bool config_net_check(const struct net_config *net, char *problem, size_t size);
