/* SPDX-License-Identifier: MIT */
/*
 * Announces the MAC addresses of a network's own side, its VMs, through uplinks that have just
 * opened, by RARP requests (RFC 903). Called by main.c's loop; reads the MAC table and writes
 * frames to the uplinks' rings through deliver.h.
 */
#include "vmm/switch/announce.h"

#include "vmm/io/bytes.h"
#include "vmm/switch/deliver.h"
#include "vmm/switch/mac_table.h"

#define RARP_BYTES 60u
#define RARP_TYPE  0x8035u
/*
 * offset in a RARP frame of the types of its two kinds of address, which are Ethernet and IPv4, as
 * in ARP
 */
#define RARP_FORM_AT	14u
#define RARP_FORM	0x00010800u
#define RARP_LENGTHS_AT 18u
#define RARP_LENGTHS	0x0604u
#define RARP_KIND_AT	20u
#define RARP_REQUEST	3u
#define RARP_SENDER_AT	22u
#define RARP_TARGET_AT	32u

static void announce(struct port *to, struct port *from, u64 mac, u16 vlan)
{
	u8 frame[RARP_BYTES] = {0};
	struct packet packet = {.from = from,
				.head = frame,
				.head_bytes = RARP_BYTES,
				.bytes = RARP_BYTES,
				.vlan = vlan};

	if (!port_carries(to, vlan))
		return;
	bytes_put_mac(frame, BROADCAST_MAC);
	bytes_put_mac(frame + NET_MAC_BYTES, mac);
	bytes_put16(frame + ETHER_TYPE_AT, RARP_TYPE);
	bytes_put32(frame + RARP_FORM_AT, RARP_FORM);
	bytes_put16(frame + RARP_LENGTHS_AT, RARP_LENGTHS);
	bytes_put16(frame + RARP_KIND_AT, RARP_REQUEST);
	bytes_put_mac(frame + RARP_SENDER_AT, mac);
	bytes_put_mac(frame + RARP_TARGET_AT, mac);
	deliver(to, &packet);
}

static void announce_learnt(struct port *to, struct port *from)
{
	u32 at = 0;
	u64 key;

	while (mac_table_next(from->index, &at, &key))
		announce(to, from, mac_table_mac(key), mac_table_vlan(key));
}

static void announce_to(struct port *to)
{
	u32 others = NET_PORT_UPLINK | NET_PORT_MIRROR | NET_PORT_BLOCKED;

	for (u64 set = port_sets.there; set != 0; set &= set - 1) {
		struct port *from = &ports[bit_lowest(set)];

		if ((from->flags & others) != 0)
			continue;
		if (from->only_mac != PORT_NO_MAC)
			announce(to, from, from->only_mac, from->vlan);
		announce_learnt(to, from);
	}
}

void announce_all(void)
{
	for (; port_sets.announce != 0; port_sets.announce &= port_sets.announce - 1)
		announce_to(&ports[bit_lowest(port_sets.announce)]);
}
