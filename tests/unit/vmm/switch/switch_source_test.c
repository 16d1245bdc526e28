/* SPDX-License-Identifier: MIT */
/* From which addresses a port may send: its own MAC and IPv4 address, and no other port's. */
#include "tests/unit/vmm/switch/switch_fixture.h"

#define IP_OWN	 0x0a00000au /* the port's own IP address, as in a frame */
#define IP_OTHER 0x0b00000au
#define OF_ETHER 0x00010800u /* ARP of IPv4 over Ethernet; over IEEE 802 networks */
#define OF_802	 0x00060800u
#define REQUEST	 1u
#define REPLY	 2u

static void from_its_own_address_only(void **state)
{
	static const u64 forged[] = {MAC(1), MAC(2), BEHIND(0), 0, BROADCAST, MAC(0) | 1};

	(void)state;
	attach(0);
	attach(1);
	for (u32 i = 0; i < ARRAY_COUNT(forged); i++)
		put_plain(0, MAC(1), forged[i], 60, 0);
	put_plain(0, BROADCAST, MAC(1), 60, 0);
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_SPOOFED, ARRAY_COUNT(forged) + 1);
}

/* A port that may send from any address: but not from another VM's, and not from a group's. */
static void any_source_but_others(void **state)
{
	(void)state;
	attach(0);
	attach_port(1, (struct net_port){.mac = MAC(1), .flags = NET_PORT_ANY_SOURCE});
	attach_port(2, (struct net_port){.mac = MAC(2), .flags = NET_PORT_TRUNK});
	attach_uplink(3);
	put_plain(1, MAC(0), BEHIND(1), 60, PAYLOAD(1));
	put_plain(1, MAC(0), MAC(1), 60, PAYLOAD(2));
	for (u32 i = 1; i < 4; i += 2) {
		put_plain(i, MAC(0), MAC(0), 60, 0);
		put_plain(i, MAC(0), MAC(2), 60, 0);
		put_plain(i, MAC(0), BROADCAST, 60, 0);
		put_plain(i, MAC(0), 0, 60, 0);
	}
	put_plain(3, MAC(0), MAC(1), 60, 0);
	serve_all();
	expect_plain(0, MAC(0), BEHIND(1), 60, PAYLOAD(1));
	expect_plain(0, MAC(0), MAC(1), 60, PAYLOAD(2));
	expect_nothing(0);
	expect_dropped(1, NET_DROP_SPOOFED, 4);
	expect_dropped(3, NET_DROP_SPOOFED, 5);
}

static void put_arp(u32 index, u64 sender_mac, u32 sender, u32 form, u32 bytes)
{
	memset(scratch, 0x11, bytes);
	put_mac(scratch, BROADCAST);
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, ETHER_ARP);
	bytes_put32(scratch + 14, form);
	bytes_put16(scratch + 18, 0x0604);
	put_mac(scratch + 22, sender_mac);
	memcpy(scratch + 28, &sender, 4);
	put_frame(index, (struct frame_header){.bytes = bytes}, scratch);
}

static void put_ipv4(u32 index, u32 source, u32 bytes)
{
	memset(scratch, 0x11, bytes);
	put_mac(scratch, MAC(1));
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, ETHER_IPV4);
	if (bytes >= 30)
		memcpy(scratch + 26, &source, 4);
	put_frame(index, (struct frame_header){.bytes = bytes}, scratch);
}

/*
 * Sends a whole ARP frame, which says that the sender's address is behind that port, and asks for
 * another.
 */
static void put_arp_about(u32 index, u16 operation, u32 form, u32 sender, u32 target)
{
	memset(scratch, 0, 60);
	put_mac(scratch, BROADCAST);
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, ETHER_ARP);
	bytes_put32(scratch + 14, form);
	bytes_put16(scratch + 18, 0x0604);
	bytes_put16(scratch + 20, operation);
	put_mac(scratch + 22, MAC(index));
	memcpy(scratch + 28, &sender, 4);
	memcpy(scratch + 38, &target, 4);
	put_frame(index, (struct frame_header){.bytes = 60}, scratch);
}

/* A request for an address, of 590 bytes; then one byte of it is another, bytes of it are there. */
/* The header of the next frames, which leaves a sum to the switch, in a certain field. */
static struct frame_header offer;

static void put_offered(u32 index, u32 bytes)
{
	struct frame_header header = offer;

	header.bytes = bytes;
	put_frame(index, header, scratch);
}

static void put_dhcp(u64 client, u32 at, u8 value, u32 bytes)
{
	u8 *ip = scratch + 14;

	memset(scratch, 0, 590);
	put_mac(scratch, BROADCAST);
	put_mac(scratch + 6, MAC(0));
	bytes_put16(scratch + 12, ETHER_IPV4);
	ip[0] = 0x45;
	ip[9] = 17;
	bytes_put32(ip + 16, ~0u);
	bytes_put16(ip + 20, 68);
	bytes_put16(ip + 22, 67);
	bytes_put32(ip + 28, 0x01010600);
	put_mac(ip + 56, client);
	ip[at] = value;
	put_offered(0, bytes);
}

static void may_ask_for_its_ip(void **state)
{
	struct frame_header header;

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(1);
	put_dhcp(MAC(0), 0, 0x45, 590);
	put_dhcp(MAC(0), 0, 0x45, 14 + 28 + 236);
	put_dhcp(MAC(0), 0, 0x45, 14 + 28 + 235);
	put_dhcp(MAC(1), 0, 0x45, 590);
	put_dhcp(MAC(0), 0, 0x46, 590);
	put_dhcp(MAC(0), 6, 0x20, 590); /* the first of several fragments */
	put_dhcp(MAC(0), 9, 6, 590);
	put_dhcp(MAC(0), 12, 10, 590);
	put_dhcp(MAC(0), 19, 10, 590);
	put_dhcp(MAC(0), 21, 67, 590);
	put_dhcp(MAC(0), 23, 53, 590);
	put_dhcp(MAC(0), 28, 2, 590); /* a server's message */
	serve_all();
	for (u32 i = 0; i < 2; i++)
		assert_true(take_frame(1, &header));
	expect_nothing(1);
	expect_dropped(0, NET_DROP_SPOOFED, 10);
}

static void from_its_own_ip_only(void **state)
{
	struct frame_header header;

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(1);
	put_ipv4(0, IP_OWN, 60);
	put_ipv4(0, IP_OTHER, 60);
	put_ipv4(0, IP_OWN, 33);
	put_ipv4(0, 0, 60);
	put_arp(0, MAC(0), IP_OWN, OF_ETHER, 42);
	put_arp(0, MAC(1), IP_OWN, OF_ETHER, 42);
	put_arp(0, MAC(0), IP_OTHER, OF_ETHER, 42);
	put_arp(0, MAC(0), IP_OWN, OF_802, 42);
	put_arp(0, MAC(0), IP_OWN, OF_ETHER, 41);
	put_type(0, MAC(1), ETHER_IPV6, 60);
	put_type(0, MAC(1), 60, 60); /* a length: IPv4 may be behind an LLC header */
	serve_all();
	assert_true(take_frame(1, &header));
	assert_int_equal(bytes_get16(scratch + 12), ETHER_IPV4);
	assert_true(take_frame(1, &header));
	assert_int_equal(bytes_get16(scratch + 12), ETHER_ARP);
	expect_nothing(1);
	expect_dropped(0, NET_DROP_SPOOFED, 9);
}

/*
 * Before a guest uses its address it asks, from no address, whether anybody has it (RFC 5227,
 * 2.1.1).
 */
static void may_probe_for_its_ip(void **state)
{
	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(1);
	put_arp_about(0, REQUEST, OF_ETHER, 0, IP_OWN);
	put_arp_about(0, REQUEST, OF_ETHER, IP_OWN, IP_OWN);
	put_arp_about(0, REPLY, OF_ETHER, IP_OWN, IP_OTHER);
	serve_all();
	expect_frames(1, 3);
	expect_dropped(0, NET_DROP_SPOOFED, 0);
	put_arp_about(0, REQUEST, OF_ETHER, 0, IP_OTHER);
	put_arp_about(0, REPLY, OF_ETHER, 0, IP_OWN);
	put_arp_about(0, REQUEST, OF_802, 0, IP_OWN);
	put_arp(0, MAC(0), 0, OF_ETHER, 42);
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_SPOOFED, 4);
}

/*
 * Sends a question whether somebody has an IPv6 address (RFC 4862, 5.4.2); one byte of the frame is
 * another.
 */
static void put_solicitation(u32 index, u64 mac, u32 at, u8 value, u32 bytes)
{
	static const u8 start[] = {0x60, 0, 0, 0, 0, 32, 58, 255};
	u8 *ip = scratch + 14;
	u8 *asked = ip + 48;
	u8 card[8];

	memset(scratch, 0, 100);
	bytes_put16(scratch, 0x3333);
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, ETHER_IPV6);
	memcpy(ip, start, sizeof(start));
	bytes_put16(asked, 0xfe80);
	memcpy(card, &mac, sizeof(card));
	memcpy(asked + 8, card, 3);
	bytes_put16(asked + 11, 0xfffe);
	memcpy(asked + 13, card + 3, 3);
	asked[8] ^= 2;
	bytes_put16(ip + 24, 0xff02);
	ip[35] = 1;
	ip[36] = 0xff;
	memcpy(ip + 37, asked + 13, 3);
	ip[40] = 135;
	ip[at] = value;
	put_offered(index, bytes);
}

/*
 * A guest may ask for the IPv6 address that is made of its card's address; it may send nothing else
 * by IPv6.
 */
static void may_probe_for_its_ipv6(void **state)
{
	static const u8 other[][2] = {{0, 0x40},  {6, 17}, {7, 64},    {8, 0xfe}, {23, 1},
				      {24, 0xfe}, {35, 2}, {36, 1},    {37, 9},	  {39, 9},
				      {40, 136},  {41, 1}, {48, 0x20}, {55, 1},	  {56, 0},
				      {58, 9},	  {59, 0}, {60, 0},    {61, 9},	  {63, 9}};

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(1);
	put_solicitation(0, MAC(0), 1, 0, 14 + 64);
	/* with a nonce behind the address (RFC 7527) */
	put_solicitation(0, MAC(0), 20, 0, 14 + 72);
	serve_all();
	expect_frames(1, 2);
	expect_dropped(0, NET_DROP_SPOOFED, 0);
	put_solicitation(0, MAC(0), 1, 0, 14 + 63);
	put_solicitation(0, MAC(1), 1, 0, 14 + 64);
	for (u32 i = 0; i < ARRAY_COUNT(other); i++)
		put_solicitation(0, MAC(0), other[i][0], other[i][1], 14 + 64);
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_SPOOFED, 2 + ARRAY_COUNT(other));
}

static void offer_sum(u16 start, u16 offset)
{
	offer = (struct frame_header){
		.flags = FRAME_NEEDS_CHECKSUM, .checksum_start = start, .checksum_offset = offset};
}

/* A sum, of bytes that the sender chooses, must not be laid over what it was believed for. */
static void no_sum_over_what_is_believed(void **state)
{
	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(1);
	offer_sum(34, 6); /* the sum of UDP itself */
	put_dhcp(MAC(0), 0, 0x45, 590);
	serve_all();
	expect_frames(1, 1);
	offer_sum(34, 40); /* the field chaddr */
	put_dhcp(MAC(0), 0, 0x45, 590);
	offer_sum(34, 16); /* TCP's, of UDP */
	put_dhcp(MAC(0), 0, 0x45, 590);
	offer_sum(36, 4); /* the same field by another sum */
	put_dhcp(MAC(0), 0, 0x45, 590);
	offer_sum(54, 16); /* the target address */
	put_solicitation(0, MAC(0), 1, 0, 14 + 72);
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_BAD, 4);
	offer = (struct frame_header){0};
}

/*
 * Whatever a port may send from, it may not send from an address that the manager has given to
 * another port.
 */
static void not_from_anothers_ip(void **state)
{
	static const struct net_port claimants[] = {
		{.mac = MAC(1)},
		{.mac = MAC(1), .flags = NET_PORT_ANY_SOURCE},
		{.mac = MAC(1), .flags = NET_PORT_TRUNK},
		{.mac = MAC(1), .flags = NET_PORT_PRIVATE},
	};

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(2);
	for (u32 i = 0; i < ARRAY_COUNT(claimants); i++) {
		attach_port(1, claimants[i]);
		/* an announcement of the address */
		put_arp_about(1, REQUEST, OF_ETHER, IP_OWN, IP_OWN);
		put_arp_about(1, REPLY, OF_ETHER, IP_OWN, IP_OWN);
		/* Linux believes this reply as well */
		put_arp_about(1, REPLY, OF_802, IP_OWN, IP_OTHER);
		put_ipv4(1, IP_OWN, 60);
		/* a receiver that fills the frame up with zeros makes an address of its bytes */
		put_arp(1, MAC(1), IP_OTHER, OF_ETHER, 41);
		put_ipv4(1, IP_OTHER, 33);
		serve_all();
		expect_dropped(1, NET_DROP_SPOOFED, 6);
		expect_nothing(0);
		expect_nothing(2);
		put_arp_about(1, REQUEST, OF_ETHER, IP_OTHER, IP_OWN);
		put_arp_about(1, REQUEST, OF_ETHER, 0, IP_OWN);
		put_arp_about(1, REPLY, OF_ETHER, IP_OTHER, IP_OTHER);
		put_type(1, BROADCAST, ETHER_IPV6, 60);
		serve_all();
		expect_dropped(1, NET_DROP_SPOOFED, 6);
		expect_frames(0, 4);
		expect_frames(2, 4);
		detach(1);
	}
}

/* Behind the wire others may have any address; there a probe finds a conflict. */
static void the_wire_is_believed(void **state)
{
	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach_uplink(1);
	put_arp_about(1, REPLY, OF_ETHER, IP_OWN, 0);
	serve_all();
	expect_frames(0, 1);
}

/* VLANs are networks: an address belongs to a port in the VLANs in which it may send. */
static void anothers_ip_in_its_vlan(void **state)
{
	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN, .vlan = 5});
	for (u32 i = 1; i < 5; i++)
		attach_port(i, (struct net_port){.mac = MAC(i), .vlan = i < 3 ? 5 : 6});
	put_arp_about(1, REPLY, OF_ETHER, IP_OWN, IP_OWN);
	put_arp_about(3, REPLY, OF_ETHER, IP_OWN, IP_OWN);
	serve_all();
	expect_dropped(1, NET_DROP_SPOOFED, 1);
	expect_nothing(2);
	expect_frames(4, 1);
	attach_port(5,
		    (struct net_port){.mac = MAC(5), .address = IP_OTHER, .flags = NET_PORT_TRUNK});
	put_arp_about(3, REPLY, OF_ETHER, IP_OTHER, IP_OTHER);
	serve_all();
	expect_dropped(3, NET_DROP_SPOOFED, 1);
	expect_nothing(4);
}

/* An address is given for as long as its port is there. */
static void free_once_its_port_is_gone(void **state)
{
	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .address = IP_OWN});
	attach(1);
	attach(2);
	put_arp_about(1, REPLY, OF_ETHER, IP_OWN, IP_OWN);
	serve_all();
	expect_nothing(2);
	detach(0);
	put_arp_about(1, REPLY, OF_ETHER, IP_OWN, IP_OWN);
	serve_all();
	expect_frames(2, 1);
	attach_port(3, (struct net_port){.mac = MAC(3), .address = IP_OWN});
	put_arp_about(1, REPLY, OF_ETHER, IP_OWN, IP_OWN);
	serve_all();
	expect_nothing(2);
	expect_dropped(1, NET_DROP_SPOOFED, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_its_own_address_only),    TEST(any_source_but_others),
		TEST(from_its_own_ip_only),	    TEST(may_ask_for_its_ip),
		TEST(may_probe_for_its_ip),	    TEST(may_probe_for_its_ipv6),
		TEST(no_sum_over_what_is_believed), TEST(not_from_anothers_ip),
		TEST(the_wire_is_believed),	    TEST(anothers_ip_in_its_vlan),
		TEST(free_once_its_port_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
