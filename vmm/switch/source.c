/* SPDX-License-Identifier: MIT */
/*
 * Checks the source addresses of frames, so that a guest cannot speak for another. Called by
 * forward.c for each frame; reads the copied head and the port's rules, and may add a learnt
 * address to the MAC table.
 */
#include "vmm/switch/source.h"

#include "vmm/io/bytes.h"
#include "vmm/switch/mac_table.h"
#include "vmm/switch/tcp.h"

#define L3_AT	       14u
#define IPV4_BYTES     20u
#define IPV4_BROADCAST (~0u)

static bool source_is_group(u64 mac)
{
	return (mac & 1) != 0;
}

bool source_learn(const struct packet *packet, u64 mac)
{
	const struct port *from = packet->from;

	if (source_is_group(mac) || mac == 0 || (port_sets.holders & BIT(from->index)) == 0)
		return false;
	/* the fixed MAC address of a trunk port is valid in all VLANs */
	if (port_sets.trunks != 0 &&
	    mac_table_find(mac_table_key(mac, MAC_TABLE_ANY_VLAN)) != MAC_TABLE_NOBODY)
		return false;
	return mac_table_learn(from->index, mac_table_key(mac, packet->vlan));
}

/* DHCP (RFC 2131, 2): UDP from port 68 to 67, a request from Ethernet with the client's address. */
#define IPV4_NO_OPTIONS	 0x45u
#define UDP_PORTS_AT	 20u
#define DHCP_PORTS	 (68u << 16 | 67u)
#define DHCP_AT		 28u
#define DHCP_SERVER_PORT 67u
#define DHCP_CLIENT_PORT 68u
/* the ports in a UDP header, and in it the one to which the datagram goes */
#define UDP_PORTS_BYTES 4u
#define UDP_TARGET_AT	2u
/* of the IPv4 header's field with the fragment's offset: the offset alone */
#define IPV4_OFFSET_MASK 0x1fffu
/* the first three bytes of a DHCP message: a request, Ethernet, addresses of 6 bytes */
#define DHCP_KIND      0x010106u
#define DHCP_CLIENT_AT (DHCP_AT + 28u)
#define DHCP_BYTES     (DHCP_AT + 236u)
/*
 * the bytes of a DHCP message that are copied; a MAC address is read with the two bytes behind it
 */
#define DHCP_COPIED_BYTES (DHCP_CLIENT_AT + 8u)
_Static_assert(PACKET_HEAD_BYTES - FRAME_TAG_BYTES >= L3_AT + DHCP_COPIED_BYTES,
	       "all that is looked at lies in the head");

/* IPv6 (RFC 8200), with a neighbour solicitation (RFC 4861, 4.3). */
#define IPV6_HOPS_AT	   7u
#define IPV6_ADDRESS_BYTES (IPV6_ADDRESSES_BYTES / 2)
#define IPV6_TARGET_AT	   (IPV6_ADDRESSES_AT + IPV6_ADDRESS_BYTES)
#define IP_ICMPV6	   58u
#define SOLICITATION	   (135u << 8) /* the type of a neighbour solicitation, with code 0 */
#define SOLICITATION_BYTES 24u
#define SOLICITATION_HOPS  255u
#define SOLICITED_AT	   8u
#define EUI64_UNIVERSAL	   2u
_Static_assert(PACKET_HEAD_BYTES - FRAME_TAG_BYTES >= L3_AT + IPV6_BYTES + SOLICITATION_BYTES,
	       "so does all of that");

/*
 * Returns true if the frame is a DHCP request by which a guest without an address asks for one, for
 * its own card.
 */
static bool source_asks_for_address(const struct packet *packet, u64 mac)
{
	const u8 *ip = packet->head + L3_AT;

	return packet->bytes - L3_AT >= DHCP_BYTES && ip[0] == IPV4_NO_OPTIONS &&
	       tcp_ipv4_address(ip + IPV4_SOURCE_AT) == 0 &&
	       tcp_ipv4_address(ip + IPV4_TARGET_AT) == IPV4_BROADCAST &&
	       (bytes_get16(ip + IPV4_FRAGMENT_AT) & IPV4_FRAGMENT_MASK) == 0 &&
	       ip[IPV4_PROTOCOL_AT] == IP_UDP && bytes_get32(ip + UDP_PORTS_AT) == DHCP_PORTS &&
	       bytes_get32(ip + DHCP_AT) >> 8 == DHCP_KIND &&
	       bytes_get_mac(ip + DHCP_CLIENT_AT) == mac;
}

/* Returns whether the frame is an ARP probe (RFC 5227, 2.1.1), which claims no address. */
static bool source_probes(const struct packet *packet)
{
	const u8 *arp = packet->head + L3_AT;

	return tcp_ipv4_address(arp + ARP_SENDER_AT) == 0 &&
	       bytes_get16(arp + ARP_KIND_AT) == ARP_REQUEST &&
	       tcp_ipv4_address(arp + ARP_TARGET_AT) == packet->from->address;
}

/*
 * Returns whether the frame is a duplicate address detection (RFC 4862, 5.4.2) for the link-local
 * address made of the port's MAC (RFC 4291, appendix A): from the unspecified address to the
 * solicited-node group. A solicitation for another address could keep its owner from using it
 * (5.4.3).
 */
static bool source_probes_ipv6(const u8 *ip, u32 there, u64 mac)
{
	static const u8 nobody[IPV6_ADDRESS_BYTES];
	static const u8 listeners[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	u8 own[IPV6_ADDRESS_BYTES] = {0xfe, 0x80, [11] = 0xff, [12] = 0xfe};
	u8 card[NET_MAC_BYTES];

	bytes_put_mac(card, mac);
	memcpy(own + 8, card, 3);
	memcpy(own + 13, card + 3, 3);
	own[8] ^= EUI64_UNIVERSAL;
	return there >= IPV6_BYTES + SOLICITATION_BYTES && ip[0] >> 4 == 6 &&
	       ip[IPV6_NEXT_AT] == IP_ICMPV6 && ip[IPV6_HOPS_AT] == SOLICITATION_HOPS &&
	       memcmp(ip + IPV6_ADDRESSES_AT, nobody, sizeof(nobody)) == 0 &&
	       memcmp(ip + IPV6_TARGET_AT, listeners, sizeof(listeners)) == 0 &&
	       memcmp(ip + IPV6_TARGET_AT + 13, own + 13, 3) == 0 &&
	       bytes_get16(ip + IPV6_BYTES) == SOLICITATION &&
	       memcmp(ip + IPV6_BYTES + SOLICITED_AT, own, sizeof(own)) == 0;
}

/*
 * Admits only frames of IPv4 and ARP, as other protocols may carry other addresses, and the one
 * IPv6 frame that source_probes_ipv6 accepts.
 */
bool source_has_address(const struct packet *packet, u64 mac)
{
	const u8 *l3 = packet->head + L3_AT;
	u32 there = packet->head_bytes - L3_AT;

	if (packet->type == ETHER_IPV4)
		return there >= IPV4_BYTES &&
		       (tcp_ipv4_address(l3 + IPV4_SOURCE_AT) == packet->from->address ||
			source_asks_for_address(packet, mac));
	if (packet->type == ETHER_IPV6)
		return source_probes_ipv6(l3, there, mac);
	return packet->type == ETHER_ARP && there >= ARP_BYTES &&
	       bytes_get32(l3 + ARP_FORM_AT) == ARP_FORM &&
	       bytes_get16(l3 + ARP_LENGTHS_AT) == ARP_LENGTHS &&
	       bytes_get_mac(l3 + ARP_SENDER_MAC_AT) == mac &&
	       (tcp_ipv4_address(l3 + ARP_SENDER_AT) == packet->from->address ||
		source_probes(packet));
}

static bool source_is_free(u32 address, u16 vlan)
{
	for (u64 set = port_sets.addressed; set != 0; set &= set - 1) {
		const struct port *owner = &ports[bit_lowest(set)];

		if (owner->address == address && port_carries(owner, vlan))
			return false;
	}
	return true;
}

/*
 * Checks the sender in each ARP frame at the place where ARP for Ethernet has it, even if the frame
 * claims another form, because some receivers ignore the form. A frame that is too short is
 * refused, as it may be padded on its way.
 */
bool source_takes_no_address(const struct packet *packet)
{
	const u8 *l3 = packet->head + L3_AT;
	u32 there = packet->head_bytes - L3_AT;

	if ((packet->from->flags & NET_PORT_UPLINK) != 0)
		return true;
	if (packet->type == ETHER_IPV4)
		return there >= IPV4_BYTES &&
		       source_is_free(tcp_ipv4_address(l3 + IPV4_SOURCE_AT), packet->vlan);
	if (packet->type == ETHER_ARP)
		return there >= ARP_BYTES &&
		       source_is_free(tcp_ipv4_address(l3 + ARP_SENDER_AT), packet->vlan);
	return true;
}

/*
 * Returns whether the frame may be DHCP, IPv6 or what a receiver could take for either, on a
 * network where only the monitors speak for a DHCP server and nobody is a router by IPv6. Ports are
 * in the first fragment of a datagram, whose offset is 0; no receiver has a datagram without it.
 * Some receivers take IPv4 from behind a header of LLC and SNAP (RFC 1042), so no frame with a
 * length in place of its type is believed.
 */
static bool source_plays_server(const struct packet *packet)
{
	const u8 *ip = packet->head + L3_AT;
	u32 there = packet->head_bytes - L3_AT;
	u32 header;
	u16 to;

	if (packet->type == ETHER_IPV6)
		return packet->from->address == 0; /* source_has_address has a rule for it */
	if (packet->type != ETHER_IPV4)
		return packet->type < ETHER_TYPE_LEAST;
	if (there < IPV4_BYTES || ip[0] >> 4 != 4 || (ip[0] & 15u) * 4 < IPV4_BYTES)
		return true;
	if (ip[IPV4_PROTOCOL_AT] != IP_UDP ||
	    (bytes_get16(ip + IPV4_FRAGMENT_AT) & IPV4_OFFSET_MASK) != 0)
		return false;
	header = (ip[0] & 15u) * 4;
	if (there < header + UDP_PORTS_BYTES)
		return true;
	to = bytes_get16(ip + header + UDP_TARGET_AT);
	return to == DHCP_SERVER_PORT || to == DHCP_CLIENT_PORT;
}

bool source_keeps_rules(const struct packet *packet, u64 mac)
{
	if ((packet->from->flags & NET_PORT_DHCP) != 0 && source_plays_server(packet))
		return false;
	if (packet->from->address != 0)
		return source_has_address(packet, mac);
	return port_sets.addressed == 0 || source_takes_no_address(packet);
}
