/* SPDX-License-Identifier: MIT */
/*
 * Checks what a sender asks for with its frame: a checksum to be filled in, or segmentation. Called
 * by forward.c before a frame is delivered, so that no receiver has to trust a sender; reads the
 * copied head of the frame and sets packet->offer.
 */
#include "vmm/switch/offload.h"

#include "vmm/io/bytes.h"
#include "vmm/switch/tcp.h"

#define UDP_CHECKSUM_AT 6u

/*
 * Returns the least offset at which a transport header can begin, behind the IP header; 0: the
 * frame has no IP header.
 */
static u32 offload_transport_at(const struct packet *packet)
{
	const u8 *ip = packet->head + IP_AT;
	u32 there = packet->head_bytes - IP_AT;

	if (packet->type == ETHER_IPV4 && there >= IPV4_BYTES_MIN && ip[0] >> 4 == 4 &&
	    tcp_ipv4_bytes(ip) >= IPV4_BYTES_MIN && tcp_ipv4_bytes(ip) <= there)
		return IP_AT + tcp_ipv4_bytes(ip);
	if (packet->type == ETHER_IPV6 && there >= IPV6_BYTES && ip[0] >> 4 == 6)
		return IP_AT + IPV6_BYTES;
	return 0;
}

/*
 * Returns whether the checksum field is TCP's or UDP's own, as it must be in frames of ports with
 * rules (port.ruled). What lies behind the IP header may be the reason that such a port may send a
 * frame (source.c: DHCP's chaddr, the target of a neighbour solicitation, UDP's ports); a checksum
 * put there would change what was checked.
 */
static bool offload_is_own_field(const struct packet *packet, u32 start, u32 offset)
{
	const u8 *ip = packet->head + IP_AT;

	if (!packet->from->ruled)
		return true;
	if (packet->type != ETHER_IPV4 || start != offload_transport_at(packet))
		return false;
	return ip[IPV4_PROTOCOL_AT] == IP_TCP
		       ? offset == TCP_CHECKSUM_AT
		       : ip[IPV4_PROTOCOL_AT] == IP_UDP && offset == UDP_CHECKSUM_AT;
}

/*
 * Checks that the checksum field lies behind the addresses that decisions use, so that filling it
 * in never changes these addresses.
 */
static bool offload_check_checksum(struct packet *packet, const struct frame_header *header,
				   u32 tag)
{
	u32 transport = offload_transport_at(packet);
	u32 start = header->checksum_start;

	if (transport == 0 || start < transport + tag)
		return false;
	start -= tag;
	if (!offload_is_own_field(packet, start, header->checksum_offset))
		return false;
	if (start > packet->head_bytes || packet->head_bytes - start < 2 ||
	    header->checksum_offset > packet->head_bytes - start - 2)
		return false;
	packet->offer.flags = FRAME_NEEDS_CHECKSUM;
	packet->offer.checksum_start = (u16)start;
	packet->offer.checksum_offset = header->checksum_offset;
	return true;
}

/*
 * Returns whether the frame is a whole, unfragmented IPv4 packet of TCP with a true length (RFC
 * 791, 3.1).
 */
static bool offload_is_ipv4_tcp(const struct packet *packet)
{
	const u8 *ip = packet->head + IP_AT;

	return packet->type == ETHER_IPV4 && ip[IPV4_PROTOCOL_AT] == IP_TCP &&
	       (bytes_get16(ip + IPV4_FRAGMENT_AT) & IPV4_FRAGMENT_MASK) == 0 &&
	       bytes_get16(ip + IPV4_LENGTH_AT) == packet->bytes - IP_AT;
}

/* Returns whether TCP directly follows the IPv6 header (RFC 8200, 3). */
static bool offload_is_ipv6_tcp(const struct packet *packet)
{
	const u8 *ip = packet->head + IP_AT;

	return packet->type == ETHER_IPV6 && ip[IPV6_NEXT_AT] == IP_TCP &&
	       bytes_get16(ip + IPV6_LENGTH_AT) == packet->bytes - IP_AT - IPV6_BYTES;
}

static bool offload_check_segments(struct packet *packet, const struct frame_header *header,
				   u32 mtu)
{
	u32 start = packet->offer.checksum_start;
	const u8 *tcp = packet->head + start;
	u32 headers;

	if ((packet->head[0] & 1) != 0 || packet->offer.flags == 0 ||
	    start != offload_transport_at(packet) ||
	    packet->offer.checksum_offset != TCP_CHECKSUM_AT ||
	    !(header->segments == FRAME_TCP4 ? offload_is_ipv4_tcp(packet)
					     : offload_is_ipv6_tcp(packet)) ||
	    packet->head_bytes - start < TCP_BYTES_MIN)
		return false;
	headers = start + tcp_bytes(tcp);
	if (tcp_bytes(tcp) < TCP_BYTES_MIN || headers > packet->head_bytes ||
	    (tcp[TCP_FLAGS_AT] & TCP_NEVER_CUT) != 0)
		return false;
	if (header->segment_bytes < OFFLOAD_SEGMENT_MIN ||
	    header->segment_bytes > mtu - (headers - IP_AT))
		return false;
	/* a frame whose data fit into one segment need not be cut */
	if (packet->bytes - headers <= header->segment_bytes)
		return true;
	packet->offer.segments = header->segments;
	packet->offer.segment_bytes = header->segment_bytes;
	packet->headers_bytes = headers;
	return true;
}

enum net_drop offload_accept(struct packet *packet, const struct frame_header *header, u32 mtu)
{
	u32 tag = (u32)(packet->head - packet->buffer);

	if ((header->flags & ~(FRAME_NEEDS_CHECKSUM | FRAME_CHECKED)) != 0 ||
	    header->segments >= FRAME_SEGMENTS_COUNT)
		return NET_DROP_BAD;
	/*
	 * a receiver may add a tag, and a frame longer than FRAME_BYTES_MAX would close the
	 * receiver's link
	 */
	if (packet->bytes > FRAME_BYTES_MAX - FRAME_TAG_BYTES)
		return NET_DROP_TOO_LONG;
	if ((header->flags & FRAME_NEEDS_CHECKSUM) != 0) {
		if (!offload_check_checksum(packet, header, tag))
			return NET_DROP_BAD;
	} else if ((packet->from->flags & NET_PORT_UPLINK) != 0) {
		/* the sender's FRAME_CHECKED is passed on, but the switch does not trust it */
		packet->offer.flags = header->flags;
	}
	if (header->segments != FRAME_WHOLE && ((packet->offer.flags & FRAME_NEEDS_CHECKSUM) == 0 ||
						!offload_check_segments(packet, header, mtu)))
		return NET_DROP_BAD;
	return NET_PASSED;
}
