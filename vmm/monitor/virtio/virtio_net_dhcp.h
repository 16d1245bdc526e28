/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/io/net.h"

/* The longest answer to a guest: Ethernet, IPv4, UDP and a DHCP message with all its options. */
#define NET_DHCP_ANSWER_BYTES 342u

/*
 * Answers DHCP and ARP for the server of a network whose addresses the manager assigns. The server
 * has no process and no port: each guest's monitor speaks for it, to its own guest alone.
 *
 * Returns whether the guest's frame is one for that server, which never goes to the switch. Writes
 * the answer, if there is one, to `answer` and its length to *answer_bytes, else 0. `frame` may
 * change while it is read. `checksum_due` says that the guest has left a checksum to its card.
 */
bool net_dhcp_take(const struct net_lease *lease, u64 mac, const u8 *frame, u32 bytes,
		   bool checksum_due, u8 answer[NET_DHCP_ANSWER_BYTES],
		   u32 *answer_bytes) MUST_CHECK;
