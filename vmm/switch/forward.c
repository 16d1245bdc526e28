/* SPDX-License-Identifier: MIT */
/*
 * Decides which ports of the switch get a frame. Called by turn.c for each frame that a port has
 * sent; reads the MAC table and the ports' rules, charges the sending port, and delivers copies
 * through deliver.h.
 */
#include "vmm/switch/forward.h"

#include "vmm/io/bytes.h"
#include "vmm/rt/clock.h"
#include "vmm/switch/deliver.h"
#include "vmm/switch/egress.h"
#include "vmm/switch/limit.h"
#include "vmm/switch/loop.h"
#include "vmm/switch/mac_table.h"
#include "vmm/switch/offload.h"
#include "vmm/switch/source.h"
#include "vmm/switch/vlan.h"

/*
 * 01-80-C2-00-00-00 to -0F, with the first byte lowest: frames to these addresses go to the
 * neighbour and no further (802.1Q, 8.6.3).
 */
#define NEIGHBOURS_MAC	0x000000c28001ull
#define NEIGHBOURS_MASK 0xf0ffffffffffull

static u32 network_mtu;
static struct packet packet;

void forward_init(u32 mtu)
{
	network_mtu = mtu;
}

/*
 * Copies the head of the frame, on which all decisions are based, once: the sender may still change
 * the frame.
 */
static void forward_take(struct port *from, const struct frame_header *header, const u8 *frame)
{
	packet.from = from;
	packet.head = packet.buffer;
	packet.head_bytes = MIN(header->bytes, PACKET_HEAD_BYTES);
	packet.bytes = header->bytes;
	packet.rest = frame + packet.head_bytes;
	memcpy(packet.buffer, frame, packet.head_bytes);
	__asm__ volatile("" ::: "memory");
	packet.type = bytes_get16(packet.head + ETHER_TYPE_AT);
}

static bool forward_may_go(const struct port *to)
{
	return to != packet.from && port_carries(to, packet.vlan) &&
	       (to->flags & packet.from->flags & NET_PORT_PRIVATE) == 0 &&
	       (to->flags & (NET_PORT_BLOCKED | NET_PORT_MIRROR)) == 0;
}

static void forward_pay(struct port *from, u32 times)
{
	share_pay(&from->share, (u64)times * (packet.bytes + FORWARD_OVERHEAD));
}

static enum net_drop forward_flood(u64 to)
{
	u32 copies = 0;

	if (!limit_flood(packet.from, clock_tsc()))
		return NET_DROP_LIMIT;
	for (; to != 0; to &= to - 1) {
		struct port *port = &ports[bit_lowest(to)];

		if (!forward_may_go(port))
			continue;
		deliver(port, &packet);
		copies++;
	}
	if (copies == 0)
		return NET_DROP_NOBODY;
	forward_pay(packet.from, copies - 1);
	return NET_PASSED;
}

static u32 forward_find_port(u64 mac)
{
	u32 port = mac_table_find(mac_table_key(mac, packet.vlan));

	if (port == MAC_TABLE_NOBODY && port_sets.trunks != 0 && packet.vlan != MAC_TABLE_ANY_VLAN)
		port = mac_table_find(mac_table_key(mac, MAC_TABLE_ANY_VLAN));
	return port;
}

static enum net_drop forward_send(void)
{
	u64 mac = bytes_get_mac(packet.head);
	u32 port;

	if ((mac & 1) != 0)
		return (mac & NEIGHBOURS_MASK) == NEIGHBOURS_MAC || loop_take_probe(&packet)
			       ? NET_DROP_NOBODY
			       : forward_flood(port_sets.there);
	port = forward_find_port(mac);
	/*
	 * an address that the table does not know can only be behind a port with several addresses
	 */
	if (port == MAC_TABLE_NOBODY)
		return forward_flood(port_sets.holders);
	if (!forward_may_go(&ports[port]))
		return NET_DROP_NOBODY;
	deliver(&ports[port], &packet);
	return NET_PASSED;
}

/*
 * Sends a frame of a port with a list of egress. The sender chooses the MAC address, so a frame
 * goes only where the host may be whose IPv4 address the list allows: no neighbour gets it instead.
 */
static enum net_drop forward_send_listed(void)
{
	u64 mac = bytes_get_mac(packet.head);
	u64 allowed;
	u32 target;
	u32 port;

	if (!egress_allows(&packet, &target))
		return NET_DROP_EGRESS;
	allowed = egress_find_ports(&packet, target);
	if ((mac & 1) != 0)
		return forward_flood(allowed);
	port = forward_find_port(mac);
	if (port == MAC_TABLE_NOBODY)
		return forward_flood(allowed & port_sets.holders);
	if ((allowed & BIT(port)) == 0)
		return NET_DROP_EGRESS;
	if (!forward_may_go(&ports[port]))
		return NET_DROP_NOBODY;
	deliver(&ports[port], &packet);
	return NET_PASSED;
}

static void forward_mirror(void)
{
	for (u64 to = port_sets.mirrors; to != 0; to &= to - 1)
		deliver_copy(&ports[bit_lowest(to)], &packet);
}

static enum net_drop forward_pass(struct port *from, const struct frame_header *header)
{
	enum net_drop reason;

	if (!vlan_enter(&packet))
		return NET_DROP_VLAN;
	if (unlikely((from->flags & (NET_PORT_BLOCKED | NET_PORT_MIRROR)) != 0)) {
		(void)loop_take_probe(&packet);
		return NET_DROP_NOBODY;
	}
	if (!source_is_allowed(&packet))
		return NET_DROP_SPOOFED;
	reason = offload_check(&packet, header, network_mtu);
	if (reason != NET_PASSED)
		return reason;
	if (packet.offer.segments != FRAME_WHOLE)
		share_pay(&from->share, (u64)packet_segments(&packet) * FORWARD_OVERHEAD);
	return likely(!from->listed) ? forward_send() : forward_send_listed();
}

void forward(struct port *from, const struct frame_header *header, const u8 *frame)
{
	enum net_drop reason = NET_DROP_LIMIT;
	u32 packets = 1;

	from->counts->received_frames++;
	from->counts->received_bytes += header->bytes;
	forward_take(from, header, frame);
	forward_pay(from, 1);
	/*
	 * The switch reads a port that is over its limit only if the sender cannot be made to wait:
	 * then its frames are dropped here.
	 */
	if (!from->share.limited || share_may_go(&from->share)) {
		reason = forward_pass(from, header);
		if (reason == NET_PASSED)
			packets = packet_segments(&packet);
		share_take(&from->share, packets, header->bytes);
	}
	if (reason != NET_PASSED)
		from->counts->dropped[reason]++;
	else if (unlikely(port_sets.mirrors != 0))
		forward_mirror();
}
