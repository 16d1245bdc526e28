/* SPDX-License-Identifier: MIT */
/*
 * Decides whether a port with a list of egress may send a frame: only whole IPv4 packets to what
 * the list names, and ARP for that. Called by forward.c for such ports alone; reads the copied head
 * and the port's list, and changes nothing.
 */
#include "vmm/switch/egress.h"

#include "lib/bits.h"
#include "vmm/io/bytes.h"
#include "vmm/switch/offload.h"
#include "vmm/switch/tcp.h"

/* An IPv4 header without options: an option could name routers that the packet is to take. */
#define IPV4_PLAIN 0x45u
/* all bits of the fragment's field but the one that forbids fragments (RFC 791, 3.1) */
#define IPV4_WHOLE_MASK 0xbfffu
/* the first byte from which on IPv4 addresses are those of groups, or nobody's (RFC 1112, 4) */
#define IPV4_GROUP_FIRST 224u
#define UDP_BYTES	 8u
#define TARGET_PORT_AT	 2u /* in the header of TCP or UDP: the port to which it goes */
/* the length up to which a frame may be padded, without its checksum (802.3, 3.2.8) */
#define FRAME_PADDED_BYTES 60u
_Static_assert(PACKET_HEAD_BYTES - FRAME_TAG_BYTES >= FRAME_PADDED_BYTES,
	       "all that is looked at lies in the head");

static bool egress_names(const struct net_egress *entry, u32 target)
{
	return ((target ^ entry->address) & entry->mask) == 0;
}

/* Returns whether all bytes of the frame from `at` on, which has at most 60, are zero. */
static bool egress_is_padded(const struct packet *packet, u32 at)
{
	if (packet->bytes > MAX(at, FRAME_PADDED_BYTES))
		return false;
	for (; at < packet->bytes; at++) {
		if (packet->head[at] != 0)
			return false;
	}
	return true;
}

/*
 * Returns whether an ARP message carries nothing but its question or answer: its receiver's MAC
 * address is one that the frame has anyway, and nothing is behind it.
 */
static bool egress_is_plain_arp(const struct packet *packet)
{
	const u8 *arp = packet->head + IP_AT;
	u64 to = bytes_get_mac(packet->head);
	u64 asked = bytes_get_mac(arp + ARP_TARGET_MAC_AT);
	u16 kind = bytes_get16(arp + ARP_KIND_AT);

	if ((kind != ARP_REQUEST && kind != ARP_REPLY) || ((to & 1) != 0 && to != BROADCAST_MAC))
		return false;
	return (asked == 0 || asked == to ||
		asked == bytes_get_mac(packet->head + NET_MAC_BYTES)) &&
	       egress_is_padded(packet, IP_AT + ARP_BYTES);
}

/* Accepts ARP about the port's own address, and about each host to which the port may send. */
static bool egress_allows_arp(const struct packet *packet, u32 *target)
{
	const struct net_egress_list *list = &packet->from->egress;

	if (packet->head_bytes < IP_AT + ARP_BYTES || !egress_is_plain_arp(packet))
		return false;
	*target = tcp_ipv4_address(packet->head + IP_AT + ARP_TARGET_AT);
	if (*target == packet->from->address)
		return true;
	for (u32 i = 0; i < list->count; i++) {
		if (egress_names(&list->entry[i], *target))
			return true;
	}
	return false;
}

/* Returns whether the entry allows the packet, whose header is plain and which is `length` long. */
static bool egress_allows_by(const struct net_egress *entry, const u8 *ip, u32 length)
{
	u32 least = ip[IPV4_PROTOCOL_AT] == IP_TCP ? TCP_BYTES_MIN : UDP_BYTES;
	u16 port;

	if (entry->protocol == NET_EGRESS_ANY)
		return true;
	if (entry->protocol != ip[IPV4_PROTOCOL_AT])
		return false;
	if (ip[IPV4_PROTOCOL_AT] != IP_TCP && ip[IPV4_PROTOCOL_AT] != IP_UDP)
		return true;
	if (length < IPV4_BYTES_MIN + least)
		return false;
	port = bytes_get16(ip + IPV4_BYTES_MIN + TARGET_PORT_AT);
	return port >= entry->first && port <= entry->last;
}

/* Returns whether a checksum that is to be filled in lies in the packet, not in the padding. */
static bool egress_sums_within(const struct packet_offer *offer, u32 length)
{
	return (offer->flags & FRAME_NEEDS_CHECKSUM) == 0 ||
	       offer->checksum_start + offer->checksum_offset + 2u <= IP_AT + length;
}

static bool egress_allows_ipv4(const struct packet *packet, u32 *target)
{
	const struct net_egress_list *list = &packet->from->egress;
	const u8 *ip = packet->head + IP_AT;
	u32 length;

	if (packet->head_bytes < IP_AT + IPV4_BYTES_MIN || (packet->head[0] & 1) != 0 ||
	    ip[0] != IPV4_PLAIN || (bytes_get16(ip + IPV4_FRAGMENT_AT) & IPV4_WHOLE_MASK) != 0)
		return false;
	length = bytes_get16(ip + IPV4_LENGTH_AT);
	if (length < IPV4_BYTES_MIN || length > packet->bytes - IP_AT ||
	    (length < packet->bytes - IP_AT && !egress_is_padded(packet, IP_AT + length)) ||
	    !egress_sums_within(&packet->offer, length))
		return false;
	*target = tcp_ipv4_address(ip + IPV4_TARGET_AT);
	if (ip[IPV4_TARGET_AT] >= IPV4_GROUP_FIRST)
		return false;
	for (u32 i = 0; i < list->count; i++) {
		const struct net_egress *entry = &list->entry[i];

		if (entry->protocol != NET_EGRESS_ARP && egress_names(entry, *target) &&
		    egress_allows_by(entry, ip, length))
			return true;
	}
	return false;
}

bool egress_allows(const struct packet *packet, u32 *target)
{
	*target = 0;
	if (packet->from->address == 0)
		return false;
	if (packet->type == ETHER_ARP)
		return egress_allows_arp(packet, target);
	return packet->type == ETHER_IPV4 && egress_allows_ipv4(packet, target);
}

u64 egress_find_ports(const struct packet *packet, u32 target)
{
	u64 owners = 0;

	for (u64 set = port_sets.addressed; set != 0; set &= set - 1) {
		const struct port *owner = &ports[bit_lowest(set)];

		if (owner != packet->from && owner->address == target &&
		    port_carries(owner, packet->vlan))
			owners |= BIT(owner->index);
	}
	return owners != 0 ? owners : port_sets.holders | port_sets.trunks;
}
