/* SPDX-License-Identifier: MIT */
/* On a network whose addresses the manager assigns no port plays a DHCP server, or a router by
 * IPv6. */
#include "tests/unit/vmm/switch/switch_fixture.h"

#define IP_OWN 0x0a00000au /* the port's own IP address, as in a frame */

/* The kinds of ports of a network whose addresses the manager assigns. */
static const struct net_port players[] = {
	{.mac = MAC(1), .address = IP_OWN, .flags = NET_PORT_DHCP},
	{.mac = MAC(1), .flags = NET_PORT_DHCP | NET_PORT_ANY_SOURCE},
	{.mac = MAC(1), .flags = NET_PORT_DHCP | NET_PORT_TRUNK},
	{.flags = NET_PORT_DHCP | NET_PORT_UPLINK},
};

/* UDP to that port, with so many words of options of IPv4 and this in the fragment's word. */
static void make_udp(u32 index, u16 to, u32 options, u16 fragment)
{
	const u32 own = IP_OWN;
	u8 *ip = scratch + 14;

	memset(scratch, 0, 200);
	put_mac(scratch, BROADCAST);
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, ETHER_IPV4);
	ip[0] = (u8)(0x45 + options);
	bytes_put16(ip + 6, fragment);
	ip[9] = 17;
	memcpy(ip + 12, &own, 4);
	bytes_put16(ip + 20 + 4 * options + 2, to);
}

static void put_udp(u32 index, u16 to, u32 options, u16 fragment, u32 bytes)
{
	make_udp(index, to, options, fragment);
	put_frame(index, (struct frame_header){.bytes = bytes}, scratch);
}

/* UDP behind a header of LLC and SNAP (RFC 1042). */
static void put_snap(u32 index, u16 to)
{
	static const u8 snap[] = {0xaa, 0xaa, 3, 0, 0, 0, 8, 0};

	make_udp(index, to, 0, 0);
	memmove(scratch + 22, scratch + 14, 60 - 14);
	memcpy(scratch + 14, snap, sizeof(snap));
	bytes_put16(scratch + 12, 60 - 14 + sizeof(snap));
	put_frame(index, (struct frame_header){.bytes = 60 + sizeof(snap)}, scratch);
}

/* UDP behind a VLAN tag. */
static void put_tagged_udp(u32 index, u16 to, u16 tag)
{
	make_udp(index, to, 0, 0);
	memmove(scratch + 16, scratch + 12, 60 - 12);
	bytes_put16(scratch + 12, ETHER_TAG);
	bytes_put16(scratch + 14, tag);
	put_frame(index, (struct frame_header){.bytes = 64}, scratch);
}

/* Where monitors answer DHCP, no port does: not with an address, nor with any, nor from a wire. */
static void nobody_plays_server(void **state)
{
	(void)state;
	attach(2);
	for (u32 i = 0; i < ARRAY_COUNT(players); i++) {
		attach_port(1, players[i]);
		put_udp(1, 68, 0, 0, 60);
		put_udp(1, 68, 10, 0, 100);
		put_udp(1, 67, 0, 0, 60);
		put_udp(1, 68, 0, 0x2000, 60); /* the first fragment */
		put_udp(1, 69, 0, 0, 14 + 23); /* no ports are there */
		put_udp(1, 69, 1, 0, 14 + 20);
		put_type(1, BROADCAST, ETHER_IPV6, 60);
		put_type(1, BROADCAST, ETHER_IPV4, 60); /* version 1, and a header of 4 bytes */
		serve_all();
		expect_nothing(2);
		expect_dropped(1, NET_DROP_SPOOFED, 8);
		put_udp(1, 69, 0, 0, 60);
		put_udp(1, 69, 10, 0, 100);
		put_udp(1, 68, 0, 0x0001,
			60); /* a later fragment: what looks like a port is data */
		serve_all();
		expect_frames(2, 3);
		detach(1);
	}
}

/* Nor does a port of that network do so behind another header, which some receivers take off. */
static void nobody_hides_a_server(void **state)
{
	static const u32 kinds[] = {NET_PORT_ANY_SOURCE, NET_PORT_TRUNK, NET_PORT_UPLINK};

	(void)state;
	attach(2);
	attach_port(3, (struct net_port){.mac = MAC(3), .vlan = 5});
	for (u32 i = 0; i < ARRAY_COUNT(kinds); i++) {
		attach_port(1, (struct net_port){.mac = MAC(1), .flags = NET_PORT_DHCP | kinds[i]});
		put_snap(1, 68);
		put_type(1, BROADCAST, 60 - 14, 60);
		put_tagged_udp(1, 68, 0);
		put_tagged_udp(1, 68, 0xe000);
		serve_all();
		expect_dropped(1, NET_DROP_SPOOFED, 4);
		/* a tag of a VLAN is for trunks and uplinks */
		put_tagged_udp(1, 68, 5);
		serve_all();
		assert_int_equal(dropped(1, NET_DROP_VLAN), i == 0);
		assert_int_equal(dropped(1, NET_DROP_SPOOFED), i == 0 ? 4 : 5);
		expect_nothing(2);
		expect_nothing(3);
		put_type(1, BROADCAST, ETHER_TYPE_LEAST, 60);
		serve_all();
		expect_frames(2, 1);
		detach(1);
	}
	/* a network without DHCP carries such frames */
	attach_port(1, (struct net_port){.mac = MAC(1)});
	put_snap(1, 68);
	serve_all();
	expect_frames(2, 1);
}

/*
 * A packet of IPv6 to all nodes or to one, with this as the first two bytes of what its header has
 * behind it, or behind one more header of the kind `more`.
 */
static void put_ipv6(u32 index, u64 to, u8 protocol, u16 message, int more)
{
	u8 *ip = scratch + 14;
	u32 at = more < 0 ? 40 : 48;

	memset(scratch, 0, 200);
	put_mac(scratch, to);
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, ETHER_IPV6);
	ip[0] = 0x60;
	ip[5] = (u8)(at - 40 + 48);
	ip[6] = more < 0 ? protocol : (u8)more;
	ip[7] = 255;
	bytes_put16(ip + 8, 0xfe80);
	ip[23] = 1;
	bytes_put16(ip + 24, 0xff02);
	ip[39] = 1;
	ip[40] = protocol; /* of the header more, if there is one */
	bytes_put16(ip + at, message);
	if (protocol == IP_UDP)
		bytes_put16(ip + at + 2, 546);
	put_frame(index, (struct frame_header){.bytes = 14 + at + 48}, scratch);
}

/* Nor is there a router by IPv6, or a server of its addresses (RFC 4861, RFC 8415). */
static void nobody_plays_router(void **state)
{
	static const u8 more[] = {0, 43, 44, 60}; /* kinds of headers: RFC 8200, 4 */

	(void)state;
	attach(2);
	for (u32 i = 0; i < ARRAY_COUNT(players); i++) {
		attach_port(1, players[i]);
		for (u32 kind = 133; kind <= 137; kind++) {
			put_ipv6(1, 0x010000003333ull, 58, (u16)(kind << 8), -1);
			put_ipv6(1, MAC(2), 58, (u16)(kind << 8), -1);
		}
		for (u32 j = 0; j < ARRAY_COUNT(more); j++)
			put_ipv6(1, 0x010000003333ull, 58, 134 << 8, more[j]);
		put_ipv6(1, 0x010000003333ull, IP_UDP, 547, -1);
		put_ipv6(1, MAC(2), IP_UDP, 547, 44);
		serve_all();
		expect_nothing(2);
		expect_dropped(1, NET_DROP_SPOOFED, 16);
		detach(1);
	}
	/* a network without DHCP carries all of these, from a port without an address */
	attach_port(1, (struct net_port){.mac = MAC(1)});
	put_ipv6(1, 0x010000003333ull, 58, 134 << 8, -1);
	put_ipv6(1, MAC(2), IP_UDP, 547, -1);
	serve_all();
	expect_frames(2, 2);
}

/* The port in a datagram is not written behind the check by asking for a checksum there. */
static void no_sum_over_a_port(void **state)
{
	(void)state;
	attach_port(1,
		    (struct net_port){.mac = MAC(1), .flags = NET_PORT_DHCP | NET_PORT_ANY_SOURCE});
	attach(2);
	put_udp(1, 69, 0, 0, 60);
	scratch[0] = 0xff;
	put_frame(1,
		  (struct frame_header){.bytes = 60,
					.flags = FRAME_NEEDS_CHECKSUM,
					.checksum_start = 34,
					.checksum_offset = 2},
		  scratch);
	serve_all();
	expect_frames(2, 1);
	expect_nothing(2);
	expect_dropped(1, NET_DROP_BAD, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_plays_server),
		TEST(nobody_hides_a_server),
		TEST(nobody_plays_router),
		TEST(no_sum_over_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
