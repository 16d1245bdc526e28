/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/bytes.h"
#include "vmm/switch/packet.h"

/*
 * Returns whether the frame's port may send from the MAC address `mac`, which is not its own;
 * learns the address if so.
 */
bool source_learn(const struct packet *packet, u64 mac) MUST_CHECK;
/*
 * Returns whether the frame, sent from `mac`, has the port's own IPv4 address as its sender, or is
 * one that a station sends before it has an address (DHCP, probes of ARP and IPv6).
 */
bool source_has_address(const struct packet *packet, u64 mac) MUST_CHECK;
/*
 * Returns whether the frame keeps to the rules of a port that has an address, or is on a network
 * whose addresses the manager assigns (`ruled`).
 */
bool source_keeps_rules(const struct packet *packet, u64 mac) MUST_CHECK;
/*
 * Returns whether the frame's sender is no IPv4 address that the manager has given to another port.
 * Applies to ports without an address from the manager; an uplink may send from any.
 */
bool source_takes_no_address(const struct packet *packet) MUST_CHECK;

/*
 * Returns whether the port may send with this frame's source addresses. Call it once the frame's
 * VLAN is known.
 */
static inline bool source_is_allowed(const struct packet *packet)
{
	u64 mac = bytes_get_mac(packet->head + NET_MAC_BYTES);

	if (unlikely(mac != packet->from->only_mac) && !source_learn(packet, mac))
		return false;
	if (packet->from->ruled)
		return source_keeps_rules(packet, mac);
	return port_sets.addressed == 0 || source_takes_no_address(packet);
}
