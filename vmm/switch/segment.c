/* SPDX-License-Identifier: MIT */
/*
 * Cuts a TCP frame into segments with headers and checksums of their own, for a client that cannot
 * take the whole frame. Called by deliver.c for frames that offload.c has checked; writes to the
 * receiver's ring.
 */
#include "vmm/switch/segment.h"

#include "vmm/io/bytes.h"
#include "vmm/io/checksum.h"
#include "vmm/switch/deliver.h"
#include "vmm/switch/offload.h"
#include "vmm/switch/tcp.h"
#include "vmm/switch/vlan.h"

/* The segment of a frame that is being made. */
struct segment {
	u32 number;
	u32 at;	   /* offset in the frame at which the segment's data begin */
	u32 bytes; /* length in bytes of the segment's data */
	bool is_last;
	/* the frame's headers, changed into the segment's own; without a VLAN tag */
	u8 headers[PACKET_HEAD_BYTES];
};

static void segment_set_ipv4(struct segment *segment, u8 *ip, u32 bytes)
{
	bytes_put16(ip + IPV4_LENGTH_AT, (u16)bytes);
	bytes_put16(ip + IPV4_ID_AT, (u16)(bytes_get16(ip + IPV4_ID_AT) + segment->number));
	bytes_put16(ip + IPV4_CHECKSUM_AT, 0);
	checksum_put(ip + IPV4_CHECKSUM_AT, checksum_add(0, ip, tcp_ipv4_bytes(ip)));
}

static void segment_set_tcp(const struct packet *packet, struct segment *segment, u8 *tcp)
{
	u32 before = segment->at - packet->headers_bytes;

	bytes_put32(tcp + TCP_SEQUENCE_AT, bytes_get32(tcp + TCP_SEQUENCE_AT) + before);
	if (!segment->is_last)
		tcp[TCP_FLAGS_AT] &= (u8) ~(TCP_FIN | TCP_PSH);
	/* TCP's flag CWR is set in the first segment only (RFC 3168, 6.1.2) */
	if (segment->number != 0)
		tcp[TCP_FLAGS_AT] &= (u8)~TCP_CWR;
	bytes_put16(tcp + TCP_CHECKSUM_AT, 0);
}

static u64 segment_pseudo_header_sum(const struct packet *packet, const u8 *ip, u32 tcp_length)
{
	u8 words[4] = {0, IP_TCP, (u8)(tcp_length >> 8), (u8)tcp_length};
	u64 sum = checksum_add(0, words, sizeof(words));

	if (packet->offer.segments == FRAME_TCP4)
		return checksum_add(sum, ip + IPV4_ADDRESSES_AT, IPV4_ADDRESSES_BYTES);
	return checksum_add(sum, ip + IPV6_ADDRESSES_AT, IPV6_ADDRESSES_BYTES);
}

static void segment_set_headers(const struct packet *packet, struct segment *segment)
{
	u8 *ip = segment->headers + IP_AT;
	u32 ip_bytes = packet->headers_bytes - IP_AT + segment->bytes;

	memcpy(segment->headers, packet->head, packet->headers_bytes);
	if (packet->offer.segments == FRAME_TCP4)
		segment_set_ipv4(segment, ip, ip_bytes);
	else
		bytes_put16(ip + IPV6_LENGTH_AT, (u16)(ip_bytes - IPV6_BYTES));
	segment_set_tcp(packet, segment, segment->headers + packet->offer.checksum_start);
}

/* Writes the segment to the ring of the port `to`. Returns false if there is no room. */
static bool segment_put(struct port *to, const struct packet *packet, bool tagged,
			struct segment *segment)
{
	u32 tag = tagged ? FRAME_TAG_BYTES : 0;
	struct frame_header header = {.bytes = packet->headers_bytes + segment->bytes + tag};
	u32 tcp_length = packet->headers_bytes - packet->offer.checksum_start + segment->bytes;
	u8 *at = frames_reserve(&to->end, header.bytes);
	u8 *tcp;

	if (at == NULL)
		return false;
	segment_set_headers(packet, segment);
	if (tagged)
		vlan_put_head(packet, segment->headers, packet->headers_bytes, at);
	else
		memcpy(at, segment->headers, packet->headers_bytes);
	packet_copy(packet, at + tag + packet->headers_bytes, segment->at, segment->bytes);
	tcp = at + tag + packet->offer.checksum_start;
	checksum_put(tcp + TCP_CHECKSUM_AT,
		     checksum_add(segment_pseudo_header_sum(packet, segment->headers + IP_AT,
							    tcp_length),
				  tcp, tcp_length));
	frames_add(&to->end, &header);
	deliver_count(to, header.bytes);
	return true;
}

void segment_deliver(struct port *to, const struct packet *packet, bool tagged)
{
	struct segment segment = {.at = packet->headers_bytes};

	while (segment.at < packet->bytes) {
		segment.bytes = MIN(packet->offer.segment_bytes, packet->bytes - segment.at);
		segment.is_last = segment.bytes == packet->bytes - segment.at;
		if (!segment_put(to, packet, tagged, &segment)) {
			to->counts->dropped[NET_DROP_FULL]++;
			break;
		}
		segment.at += segment.bytes;
		segment.number++;
	}
}
