/* SPDX-License-Identifier: MIT */
/*
 * A port with a list of egress: what the list names arrives, and whatever a hostile guest makes of
 * a frame, nothing else does, nor anywhere else.
 */
#include "tests/unit/vmm/switch/switch_fixture.h"

/* IPv4 addresses as in a frame */
#define IP(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)
#define OWN	       IP(10, 0, 2, 15)
#define HOST	       IP(10, 0, 2, 5)
#define ROUTER	       IP(10, 0, 2, 2)
#define NEIGHBOUR      IP(10, 0, 2, 16)
#define FAR	       IP(192, 0, 2, 77) /* in a listed range */
#define STRANGER       IP(198, 51, 100, 1)
/* the ports of the switch */
#define LISTED	 0u
#define AT_HOST	 1u /* the port with the address HOST */
#define NEAR	 2u /* the port with the address NEIGHBOUR */
#define UPLINK	 3u
#define NAMELESS 4u /* a port without an address */
#define ROUTES	 5u /* a port that sends for other hosts */
#define HEADERS	 (14u + 20u + 20u)

static struct net_port listed(void)
{
	return (struct net_port){.mac = MAC(LISTED),
				 .address = OWN,
				 .egress = {.listed = 1,
					    .count = 5,
					    .entry = {{HOST, ~0u, 443, 443, IP_TCP, {0}},
						      {HOST, ~0u, 100, 200, IP_UDP, {0}},
						      {FAR & IP(255, 255, 255, 0),
						       IP(255, 255, 255, 0),
						       0,
						       65535,
						       NET_EGRESS_ANY,
						       {0}},
						      {ROUTER, ~0u, 0, 65535, NET_EGRESS_ARP, {0}},
						      {HOST, ~0u, 0, 65535, 1, {0}}}}};
}

static void attach_all(void)
{
	attach_port(LISTED, listed());
	attach_port(AT_HOST, (struct net_port){.mac = MAC(AT_HOST), .address = HOST});
	attach_port(NEAR, (struct net_port){.mac = MAC(NEAR), .address = NEIGHBOUR});
	attach_uplink(UPLINK);
	attach(NAMELESS);
}

/* Makes a packet with TCP's header, `bytes` long from its IP header on, in `scratch`. */
static void make_packet(u64 to, u32 target, u8 protocol, u16 port, u32 bytes)
{
	const u32 own = OWN;
	u8 *ip = scratch + 14;

	memset(scratch, 0, 14 + bytes + 64);
	put_mac(scratch, to);
	put_mac(scratch + 6, MAC(LISTED));
	bytes_put16(scratch + 12, ETHER_IPV4);
	ip[0] = 0x45;
	bytes_put16(ip + IPV4_LENGTH_AT, (u16)bytes);
	ip[IPV4_PROTOCOL_AT] = protocol;
	memcpy(ip + IPV4_SOURCE_AT, &own, 4);
	memcpy(ip + IPV4_TARGET_AT, &target, 4);
	bytes_put16(ip + 20 + 2, port);
	ip[20 + TCP_BYTES_AT] = 0x50;
}

static void send(u32 bytes)
{
	put_frame(LISTED, (struct frame_header){.bytes = bytes}, scratch);
	serve_all();
}

static void send_packet(u64 to, u32 target, u8 protocol, u16 port)
{
	make_packet(to, target, protocol, port, 60);
	send(74);
}

/* Makes ARP from the port's own addresses. */
static void make_arp(u64 to, u16 kind, u32 target)
{
	const u32 own = OWN;

	memset(scratch, 0, 128);
	put_mac(scratch, to);
	put_mac(scratch + 6, MAC(LISTED));
	bytes_put16(scratch + 12, ETHER_ARP);
	bytes_put32(scratch + 14, ARP_FORM);
	bytes_put16(scratch + 18, ARP_LENGTHS);
	bytes_put16(scratch + 20, kind);
	put_mac(scratch + 22, MAC(LISTED));
	memcpy(scratch + 28, &own, 4);
	memcpy(scratch + 38, &target, 4);
}

static void send_arp(u64 to, u16 kind, u32 target)
{
	make_arp(to, kind, target);
	send(42);
}

static void expect_at(u32 index, u32 count)
{
	for (u32 i = 1; i <= ROUTES && peers[i].memory != NULL; i++)
		expect_frames(i, i == index ? count : 0);
}

/* Checks that so many frames were dropped because of the list, and that none has arrived. */
static void expect_refused(u64 count)
{
	expect_at(0, 0);
	expect_dropped(LISTED, NET_DROP_EGRESS, count);
}

static void what_is_listed_arrives(void **state)
{
	(void)state;
	attach_all();
	send_packet(MAC(AT_HOST), HOST, IP_TCP, 443);
	send_packet(MAC(AT_HOST), HOST, IP_UDP, 100);
	send_packet(MAC(AT_HOST), HOST, IP_UDP, 200);
	send_packet(MAC(AT_HOST), HOST, 1, 0);
	expect_at(AT_HOST, 4);
	/* what is out there goes by a MAC address that is not known here, or was learnt */
	send_packet(BEHIND(3), FAR, IP_TCP, 22);
	send_packet(BEHIND(3), FAR, 47, 0);
	put_plain(UPLINK, MAC(LISTED), BEHIND(3), 60, 0);
	serve_all();
	expect_frames(LISTED, 1);
	send_packet(BEHIND(3), IP(192, 0, 2, 78), IP_TCP, 443);
	expect_at(UPLINK, 3);
	/* a frame may be padded */
	make_packet(MAC(AT_HOST), HOST, IP_UDP, 150, 28);
	memset(scratch + 42, 0, 18);
	send(60);
	send(42);
	/* a bit that forbids fragments is no fragment; a tag with a priority alone is taken off */
	make_packet(MAC(AT_HOST), HOST, IP_TCP, 443, 60);
	bytes_put16(scratch + 20, 0x4000);
	send(74);
	memmove(scratch + 16, scratch + 12, 62);
	bytes_put32(scratch + 12, 0x8100e000);
	send(78);
	expect_at(AT_HOST, 4);
	expect_refused(0);
}

static void what_is_not_listed_does_not(void **state)
{
	(void)state;
	attach_all();
	send_packet(MAC(AT_HOST), HOST, IP_TCP, 442);
	send_packet(MAC(AT_HOST), HOST, IP_TCP, 444);
	send_packet(MAC(AT_HOST), HOST, IP_UDP, 443);
	send_packet(MAC(AT_HOST), HOST, IP_UDP, 99);
	send_packet(MAC(AT_HOST), HOST, IP_UDP, 201);
	send_packet(MAC(AT_HOST), HOST, 47, 443);
	send_packet(MAC(NEAR), NEIGHBOUR, IP_TCP, 443);
	send_packet(BEHIND(3), ROUTER, IP_UDP, 53); /* it answers ARP, and no more */
	send_packet(BEHIND(3), STRANGER, IP_TCP, 443);
	send_packet(BEHIND(3), IP(192, 0, 3, 77), IP_TCP, 443);
	send_packet(BEHIND(3), ROUTER, NET_EGRESS_ARP, 0);
	send_packet(BROADCAST, FAR, IP_UDP, 1);
	send_packet(MULTICAST, FAR, IP_UDP, 1);
	send_packet(BEHIND(3), IP(255, 255, 255, 255), IP_UDP, 67);
	send_packet(BEHIND(3), IP(224, 0, 0, 251), IP_UDP, 5353);
	put_type(LISTED, MAC(AT_HOST), 0x88b5, 60);
	put_type(LISTED, MAC(AT_HOST), 60, 74);
	put_type(LISTED, MAC(AT_HOST), ETHER_IPV6, 100);
	serve_all();
	expect_at(0, 0);
	/* source.h has refused the last three already */
	assert_int_equal(dropped(LISTED, NET_DROP_EGRESS), 15);
	assert_int_equal(dropped(LISTED, NET_DROP_SPOOFED), 3);
}

/* A packet for a listed host goes to nobody else, whatever MAC address the guest writes there. */
static void nobody_gets_it_instead(void **state)
{
	(void)state;
	attach_all();
	send_packet(MAC(NEAR), HOST, IP_TCP, 443);
	send_packet(MAC(NAMELESS), HOST, IP_TCP, 443);
	send_packet(MAC(NEAR), FAR, IP_TCP, 443);
	send_packet(MAC(AT_HOST), FAR, IP_TCP, 443);
	expect_refused(4);
	send_packet(MAC(LISTED), FAR, IP_TCP, 443);
	assert_int_equal(dropped(LISTED, NET_DROP_EGRESS) + dropped(LISTED, NET_DROP_NOBODY), 5);
	expect_at(0, 0);
}

/*
 * What is for a neighbour stays here: else a guest could tell anybody out there what it likes, by
 * the MAC address alone. Nor does a neighbour get it that sends for other hosts.
 */
static void nobody_out_there_gets_it(void **state)
{
	(void)state;
	attach_all();
	attach_port(ROUTES, (struct net_port){.mac = MAC(ROUTES), .flags = NET_PORT_ANY_SOURCE});
	send_packet(BEHIND(3), HOST, IP_TCP, 443); /* a MAC address that is not known here */
	put_plain(UPLINK, MAC(LISTED), BEHIND(3), 60, 0);
	serve_all();
	expect_frames(LISTED, 1);
	send_packet(BEHIND(3), HOST, IP_TCP, 443);
	send_packet(MAC(ROUTES), HOST, IP_TCP, 443);
	send_arp(BEHIND(3), ARP_REPLY, HOST);
	expect_at(0, 0);
	assert_int_equal(dropped(LISTED, NET_DROP_NOBODY), 1);
	assert_int_equal(dropped(LISTED, NET_DROP_EGRESS), 3);
	/* the host is gone, or another's address is asked for: it may be out there */
	detach(AT_HOST);
	send_packet(BEHIND(3), HOST, IP_TCP, 443);
	expect_frames(UPLINK, 1);
}

/* The same address in another VLAN is another host. */
static void not_into_another_vlan(void **state)
{
	struct net_port port = listed();

	(void)state;
	attach_port(AT_HOST, (struct net_port){.mac = MAC(AT_HOST), .address = HOST, .vlan = 5});
	attach_port(LISTED, port);
	send_packet(MAC(AT_HOST), HOST, IP_TCP, 443);
	assert_int_equal(dropped(LISTED, NET_DROP_NOBODY), 1);
	expect_nothing(AT_HOST);
	make_packet(MAC(AT_HOST), HOST, IP_TCP, 443, 60);
	memmove(scratch + 16, scratch + 12, 62);
	bytes_put32(scratch + 12, 0x81000005);
	send(78);
	bytes_put16(scratch + 14, 0);
	memmove(scratch + 20, scratch + 16, 62);
	bytes_put32(scratch + 16, 0x81000005); /* a tag behind a tag */
	send(82);
	assert_int_equal(dropped(LISTED, NET_DROP_VLAN), 2);
	expect_nothing(AT_HOST);
}

/* Each of these is a listed packet but for one thing by which a receiver could read it otherwise.
 */
static void headers_of_lies(void **state)
{
	u64 count = 0;

	(void)state;
	attach_all();
#define REFUSE(bytes, what)                                                                        \
	do {                                                                                       \
		make_packet(MAC(AT_HOST), HOST, IP_TCP, 443, 60);                                  \
		what;                                                                              \
		send(bytes);                                                                       \
		expect_refused(++count);                                                           \
	} while (0)
	REFUSE(74, bytes_put16(scratch + 20, 0x2000)); /* a first fragment */
	REFUSE(74, bytes_put16(scratch + 20, 0x0001)); /* a later one */
	REFUSE(74, bytes_put16(scratch + 20, 0x1fff));
	REFUSE(74, bytes_put16(scratch + 20, 0x8000)); /* the bit that has to be 0 */
	REFUSE(74, scratch[14] = 0x46);		       /* an option */
	REFUSE(74, scratch[14] = 0x4f);
	REFUSE(74, scratch[14] = 0x44); /* a header of 16 bytes */
	REFUSE(74, scratch[14] = 0x65);
	REFUSE(74, bytes_put16(scratch + 16, 61)); /* longer than the frame */
	REFUSE(74, bytes_put16(scratch + 16, 59)); /* something is behind the packet */
	REFUSE(74, bytes_put16(scratch + 16, 0));
	REFUSE(74, bytes_put16(scratch + 16, 19));
	REFUSE(60, bytes_put16(scratch + 16, 39)); /* no whole header of TCP */
	REFUSE(60, bytes_put16(scratch + 16, 44);
	       scratch[59] = 1); /* padding that says something */
	REFUSE(38, bytes_put16(scratch + 16, 24));
	REFUSE(34, bytes_put16(scratch + 16, 20));
	REFUSE(61, bytes_put16(scratch + 16, 46)); /* padded beyond what is needed */
	REFUSE(41, bytes_put16(scratch + 16, 27); scratch[23] = IP_UDP;
	       bytes_put16(scratch + 36, 150));
	make_packet(BEHIND(3), IP(192, 0, 2, 0), 47, 0, 19); /* any protocol, and no whole header */
	send(34);
	expect_refused(++count);
	/* any protocol, and a checksum that is to be put into the padding */
	make_packet(BEHIND(3), IP(192, 0, 2, 0), IP_TCP, 0, 22);
	memset(scratch + 36, 0, 24);
	put_frame(LISTED,
		  (struct frame_header){.bytes = 60,
					.flags = FRAME_NEEDS_CHECKSUM,
					.checksum_start = 34,
					.checksum_offset = 16},
		  scratch);
	serve_all();
	expect_refused(++count);
	/* source.c refuses what is too short for an IPv4 header */
	make_packet(MAC(AT_HOST), HOST, IP_TCP, 443, 60);
	send(33);
	assert_int_equal(dropped(LISTED, NET_DROP_SPOOFED), 1);
	expect_at(0, 0);
}

/* What is to be cut is judged by the header that each segment gets. */
static void in_segments(void **state)
{
	struct frame_header header = {.bytes = 14 + 5000,
				      .flags = FRAME_NEEDS_CHECKSUM,
				      .segments = FRAME_TCP4,
				      .segment_bytes = 1000,
				      .checksum_start = 34,
				      .checksum_offset = 16};

	(void)state;
	attach_all();
	make_packet(MAC(AT_HOST), HOST, IP_TCP, 443, 5000);
	put_frame(LISTED, header, scratch);
	serve_all();
	expect_at(AT_HOST, 5);
	make_packet(MAC(AT_HOST), HOST, IP_TCP, 80, 5000);
	put_frame(LISTED, header, scratch);
	make_packet(MAC(NEAR), HOST, IP_TCP, 443, 5000);
	put_frame(LISTED, header, scratch);
	make_packet(BROADCAST, FAR, IP_TCP, 443, 60);
	put_frame(LISTED, (struct frame_header){.bytes = 74}, scratch);
	serve_all();
	expect_refused(3);
	/* the checksum is not put over the port, nor over an address */
	make_packet(MAC(AT_HOST), HOST, IP_TCP, 443, 5000);
	header.checksum_offset = 2;
	put_frame(LISTED, header, scratch);
	header.checksum_start = 14;
	header.checksum_offset = 16;
	put_frame(LISTED, header, scratch);
	serve_all();
	assert_int_equal(dropped(LISTED, NET_DROP_BAD), 2);
	expect_at(0, 0);
}

/* ARP asks for listed hosts alone, at the ports where they may be. */
static void arp_for_what_is_listed(void **state)
{
	(void)state;
	attach_all();
	send_arp(BROADCAST, ARP_REQUEST, HOST);
	expect_at(AT_HOST, 1);
	send_arp(BROADCAST, ARP_REQUEST, FAR);
	send_arp(BROADCAST, ARP_REQUEST, ROUTER);
	send_arp(BROADCAST, ARP_REQUEST, OWN); /* tells of its own address */
	make_arp(BROADCAST, ARP_REQUEST, OWN); /* asks whether it is free */
	memset(scratch + 28, 0, 4);
	send(60);
	make_arp(BEHIND(3), ARP_REPLY, ROUTER);
	put_mac(scratch + 32, BEHIND(3));
	send(60);
	expect_at(UPLINK, 5);
	make_arp(MAC(AT_HOST), ARP_REPLY, HOST);
	put_mac(scratch + 32, MAC(AT_HOST));
	send(42);
	expect_at(AT_HOST, 1);
	expect_refused(0);
}

static void arp_for_nothing_else(void **state)
{
	(void)state;
	attach_all();
	send_arp(BROADCAST, ARP_REQUEST, NEIGHBOUR);
	send_arp(BROADCAST, ARP_REQUEST, STRANGER);
	send_arp(MAC(NEAR), ARP_REPLY, NEIGHBOUR);
	send_arp(MAC(NEAR), ARP_REPLY, HOST);
	send_arp(MULTICAST, ARP_REQUEST, HOST);
	send_arp(BROADCAST, 3, HOST); /* RARP */
	send_arp(BROADCAST, 0x101, HOST);
	/* what could carry a message */
	make_arp(BROADCAST, ARP_REQUEST, HOST);
	put_mac(scratch + 32, 0x656761737365);
	send(42);
	make_arp(BROADCAST, ARP_REQUEST, HOST);
	scratch[42] = 1;
	send(60);
	make_arp(BROADCAST, ARP_REQUEST, HOST);
	scratch[59] = 1;
	send(60);
	make_arp(BROADCAST, ARP_REQUEST, HOST);
	send(61);
	expect_refused(11);
	/* nor does it speak for another, which source.c sees to */
	make_arp(BROADCAST, ARP_REPLY, HOST);
	scratch[28]++;
	send(42);
	make_arp(BROADCAST, ARP_REQUEST, HOST);
	put_mac(scratch + 6, MAC(NEAR));
	send(42);
	make_arp(BROADCAST, ARP_REQUEST, HOST);
	send(41);
	assert_int_equal(dropped(LISTED, NET_DROP_SPOOFED), 3);
	expect_at(0, 0);
}

/* A list of all hosts names no group of hosts, and no broadcast. */
static void no_groups(void **state)
{
	struct net_port port = listed();

	(void)state;
	port.egress.count = 1;
	port.egress.entry[0] = (struct net_egress){.mask = 0, .last = 65535};
	attach_port(LISTED, port);
	attach_uplink(UPLINK);
	send_packet(BEHIND(3), IP(224, 0, 0, 1), IP_UDP, 1);
	send_packet(BEHIND(3), IP(255, 255, 255, 255), IP_UDP, 1);
	send_packet(BROADCAST, IP(255, 255, 255, 255), IP_UDP, 1);
	expect_nothing(UPLINK);
	expect_dropped(LISTED, NET_DROP_EGRESS, 3);
	send_packet(BEHIND(3), IP(223, 255, 255, 255), IP_UDP, 1);
	expect_frames(UPLINK, 1);
}

/* A list without entries lets nothing out; one of another port changes nothing here. */
static void an_empty_list(void **state)
{
	struct net_port port = listed();

	(void)state;
	port.egress.count = 0;
	attach_port(LISTED, port);
	attach_port(AT_HOST, (struct net_port){.mac = MAC(AT_HOST), .address = HOST});
	send_packet(MAC(AT_HOST), HOST, IP_TCP, 443);
	send_arp(BROADCAST, ARP_REQUEST, HOST);
	expect_dropped(LISTED, NET_DROP_EGRESS, 2);
	expect_nothing(AT_HOST);
	detach(LISTED);
	/* without an address it lets nothing out either */
	port = listed();
	port.address = 0;
	attach_port(LISTED, port);
	send_packet(MAC(AT_HOST), HOST, IP_TCP, 443);
	expect_dropped(LISTED, NET_DROP_EGRESS, 1);
	expect_nothing(AT_HOST);
	detach(LISTED);
	port.egress.listed = 0;
	attach_port(LISTED, port);
	put_type(LISTED, BROADCAST, 0x88b5, 60);
	serve_all();
	expect_frames(AT_HOST, 1);
}

/* A count that is too large is not believed. */
static void a_count_of_lies(void **state)
{
	struct net_port port = listed();

	(void)state;
	port.egress.count = ~0u;
	attach_port(LISTED, port);
	assert_int_equal(ports[LISTED].egress.count, NET_EGRESS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_listed_arrives),
		TEST(what_is_not_listed_does_not),
		TEST(nobody_gets_it_instead),
		TEST(nobody_out_there_gets_it),
		TEST(not_into_another_vlan),
		TEST(headers_of_lies),
		TEST(in_segments),
		TEST(arp_for_what_is_listed),
		TEST(arp_for_nothing_else),
		TEST(no_groups),
		TEST(an_empty_list),
		TEST(a_count_of_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
