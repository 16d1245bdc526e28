/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/bytes.h"
#include "vmm/switch/packet.h"

/* Whether the port may send from another address than its own, which is learnt then. */
bool source_learn(const struct packet *packet, u64 mac) MUST_CHECK;
/* Whether it is from the port's IPv4 address, or claims none. */
bool source_has_address(const struct packet *packet, u64 mac) MUST_CHECK;
/*
 * Whether it is from no IPv4 address that the manager has given to another port. For a port to
 * which it has given none; of an uplink anything is believed.
 */
bool source_takes_no_address(const struct packet *packet) MUST_CHECK;

/* Whether the port may send with these source addresses. To be asked once the VLAN is known. */
static inline bool source_is_allowed(const struct packet *packet)
{
	u64 mac = bytes_get_mac(packet->head + NET_MAC_BYTES);

	if (unlikely(mac != packet->from->only_mac) && !source_learn(packet, mac))
		return false;
	if (packet->from->address != 0)
		return source_has_address(packet, mac);
	return port_sets.addressed == 0 || source_takes_no_address(packet);
}
