/* SPDX-License-Identifier: MIT */
/*
 * Finds which frames belong together: those of a connection, or between two addresses. Called by
 * virtio_net_receive.c and virtio_net_send.c; reads frame headers only.
 */
#include "vmm/monitor/virtio/virtio_net_parts.h"

#include "lib/string.h"
#include "vmm/io/bytes.h"

#define NET_TYPE_IP4   0x0800u
#define NET_TYPE_IP6   0x86ddu
#define NET_IP4_BYTES  20u
#define NET_IP6_BYTES  40u
#define NET_PORT_BYTES 4u
#define NET_TCP	       6u
#define NET_UDP	       17u
/* bits of the IPv4 fragment field; not 0: more fragments follow, or the packet is not the first */
#define NET_IP4_FRAGMENT 0x3fffu
/* The most bytes of a frame that are looked at: tag, longest IPv4 header, ports. */
#define NET_FLOW_HEAD  (FRAME_BYTES_MIN + FRAME_TAG_BYTES + 60u + NET_PORT_BYTES)
#define NET_GOLDEN     0x9e3779b1u
#define NET_FLOW_SHIFT 24u
_Static_assert(1u << (32 - NET_FLOW_SHIFT) == VIRTIO_NET_FLOWS, "an entry for each hash");

static u32 net_word_at(const u8 *bytes)
{
	u32 word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
}

/*
 * Mixes a packet's source and destination port by operations whose result does not depend on their
 * order.
 */
static u32 net_ports_of(const u8 *transport, u32 bytes, u8 protocol)
{
	if (bytes < NET_PORT_BYTES || (protocol != NET_TCP && protocol != NET_UDP))
		return 0;
	return bytes_get16(transport) + bytes_get16(transport + 2);
}

static u32 net_mix_ip4(const u8 *ip, u32 bytes)
{
	u32 header = (ip[0] & 15u) * 4;
	u32 mixed = net_word_at(ip + 12) ^ net_word_at(ip + 16);

	if ((bytes_get16(ip + 6) & NET_IP4_FRAGMENT) != 0 || header > bytes)
		return mixed;
	return mixed + net_ports_of(ip + header, bytes - header, ip[9]);
}

static u32 net_mix_ip6(const u8 *ip, u32 bytes)
{
	u32 mixed = 0;

	for (u32 i = 8; i < NET_IP6_BYTES; i += 4)
		mixed ^= net_word_at(ip + i);
	return mixed + net_ports_of(ip + NET_IP6_BYTES, bytes - NET_IP6_BYTES, ip[6]);
}

/* Returns the flow of a frame whose first `bytes` the caller has copied. */
static u32 net_flow_of_head(const u8 *frame, u32 bytes)
{
	u32 at = bytes_get16(frame + NET_TYPE_AT) == NET_TYPE_VLAN &&
				 bytes >= FRAME_BYTES_MIN + FRAME_TAG_BYTES
			 ? FRAME_TAG_BYTES
			 : 0;
	u32 type = bytes_get16(frame + NET_TYPE_AT + at);
	u32 mixed;

	at += FRAME_BYTES_MIN;
	if (type == NET_TYPE_IP4 && bytes - at >= NET_IP4_BYTES)
		mixed = net_mix_ip4(frame + at, bytes - at);
	else if (type == NET_TYPE_IP6 && bytes - at >= NET_IP6_BYTES)
		mixed = net_mix_ip6(frame + at, bytes - at);
	else
		mixed = net_word_at(frame + 2) ^
			/* mix the parts in which the addresses of hosts differ */
			net_word_at(frame + 8);
	return mixed * NET_GOLDEN >> NET_FLOW_SHIFT;
}

u32 net_flow_of(const u8 *frame, u32 bytes)
{
	u8 head[NET_FLOW_HEAD];

	/* copy first: the frame lies where the switch may write */
	bytes = MIN(bytes, NET_FLOW_HEAD);
	memcpy(head, frame, bytes);
	return net_flow_of_head(head, bytes);
}
