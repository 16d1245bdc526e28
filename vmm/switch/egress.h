/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * Returns whether the list of the frame's port (port.egress) allows the frame. If so, *target is
 * the IPv4 address to which the frame goes, in a frame's order of bytes: a packet's receiver, or
 * the host that an ARP message asks for or answers. Call it once source.h has allowed the frame's
 * sender, and offload.h its length.
 */
bool egress_allows(const struct packet *packet, u32 *target) MUST_CHECK;
/*
 * Returns the set of ports behind which the host with the address may be, for a frame of that port
 * and VLAN: the other ports to which the manager has given the address, or if there is none, those
 * that lead to other hosts. So no host out there gets a frame that is for a neighbour.
 */
u64 egress_find_ports(const struct packet *packet, u32 target);
