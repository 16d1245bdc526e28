/* SPDX-License-Identifier: MIT */
/* VLANs: who gets which frame, with which tag. */
#include "tests/unit/vmm/switch/switch_tcp.h"

static void put_tagged(u32 index, u64 to, u64 source, u16 tag, u16 type, u32 bytes)
{
	memset(scratch, 0x11, bytes);
	put_mac(scratch, to);
	put_mac(scratch + 6, source);
	bytes_put16(scratch + 12, ETHER_TAG);
	bytes_put16(scratch + 14, tag);
	bytes_put16(scratch + 16, type);
	put_frame(index, (struct frame_header){.bytes = bytes}, scratch);
}

/* A tag of -1: the frame has none. */
static void expect_frame(u32 index, u64 to, u32 bytes, int tag, u16 type)
{
	struct frame_header header;
	u32 at = tag >= 0 ? 16 : 12;

	assert_true(take_frame(index, &header));
	assert_int_equal(header.bytes, bytes);
	assert_int_equal(bytes_get_mac(scratch), to);
	if (tag >= 0) {
		assert_int_equal(bytes_get16(scratch + 12), ETHER_TAG);
		assert_int_equal(bytes_get16(scratch + 14), tag);
	}
	assert_int_equal(bytes_get16(scratch + at), type);
	for (u32 i = at + 2; i < bytes; i++)
		assert_int_equal(scratch[i], 0x11);
}

static void attach_vlan(u32 index, u16 vlan, u32 flags)
{
	attach_port(index, (struct net_port){.mac = (flags & NET_PORT_UPLINK) != 0 ? 0 : MAC(index),
					     .vlan = vlan,
					     .flags = flags});
}

static void access_ports(void **state)
{
	(void)state;
	attach_vlan(0, 5, 0);
	attach_vlan(1, 5, 0);
	attach_vlan(2, 6, 0);
	attach_vlan(3, 0, 0);
	attach_vlan(4, 0, NET_PORT_UPLINK);
	put_type(0, MAC(1), 0x1234, 60);
	put_type(0, MAC(2), 0x1234, 60);
	put_type(0, MAC(3), 0x1234, 60);
	put_type(0, BROADCAST, 0x1235, MTU + 14);
	put_type(3, BROADCAST, 0x1236, 60);
	serve_all();
	expect_frame(1, MAC(1), 60, -1, 0x1234);
	expect_frame(1, BROADCAST, MTU + 14, -1, 0x1235);
	expect_nothing(1);
	expect_nothing(2);
	expect_nothing(3);
	/* on the wire nobody knows who is here: an address in another VLAN is like any other */
	expect_frame(4, MAC(2), 64, 5, 0x1234);
	expect_frame(4, MAC(3), 64, 5, 0x1234);
	expect_frame(4, BROADCAST, MTU + 18, 5, 0x1235);
	expect_frame(4, BROADCAST, 60, -1, 0x1236);
	expect_nothing(4);
}

static void access_ports_send_no_tags(void **state)
{
	(void)state;
	attach_vlan(0, 5, 0);
	attach_vlan(1, 5, 0);
	attach_vlan(2, 0, 0);
	put_tagged(0, MAC(1), MAC(0), 5, 0x1234, 64);
	put_tagged(0, MAC(1), MAC(0), 0xfff, 0x1234, 64);
	put_tagged(2, MAC(1), MAC(2), 5, 0x1234, 64);
	put_type(0, MAC(1), ETHER_TAG_SERVICE, 64);
	put_type(0, MAC(1), ETHER_TAG_OLD, 64);
	put_type(0, MAC(1), ETHER_TAG, 14);
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_VLAN, 5);
	expect_dropped(2, NET_DROP_VLAN, 1);
}

/* A tag with a priority and no VLAN counts as no tag, also where the source is checked. */
static void access_ports_send_priorities(void **state)
{
	(void)state;
	for (u16 vlan = 0; vlan <= 5; vlan += 5) {
		attach_vlan(0, vlan, 0);
		attach_vlan(1, vlan, 0);
		attach_vlan(2, 6, 0);
		attach_vlan(3, 0, NET_PORT_UPLINK);
		put_tagged(0, MAC(1), MAC(0), 0, 0x1234, 64);
		put_tagged(0, MAC(1), MAC(0), 0xe000, 0x1235, MTU + 18);
		put_tagged(0, MAC(1), MAC(0), 0, 0x1236, 18);
		put_tagged(0, BROADCAST, MAC(0), 0x6000, 0x1237, 64);
		put_tagged(0, MAC(1), MAC(2), 0, 0x1238, 64);
		put_tagged(0, MAC(1), MAC(0), 0, 0x1239, 17);
		put_tagged(0, MAC(1), MAC(0), 0, ETHER_TAG, 64);
		put_tagged(0, MAC(1), MAC(0), 0, ETHER_TAG_SERVICE, 64);
		serve_all();
		expect_frame(1, MAC(1), 60, -1, 0x1234);
		expect_frame(1, MAC(1), MTU + 14, -1, 0x1235);
		expect_frame(1, MAC(1), 14, -1, 0x1236);
		expect_frame(1, BROADCAST, 60, -1, 0x1237);
		expect_nothing(1);
		expect_nothing(2);
		if (vlan == 0)
			expect_frame(3, BROADCAST, 60, -1, 0x1237);
		else
			expect_frame(3, BROADCAST, 64, 5, 0x1237);
		assert_int_equal(dropped(0, NET_DROP_SPOOFED), 1);
		assert_int_equal(dropped(0, NET_DROP_VLAN), 3);
		for (u32 i = 0; i < 4; i++)
			detach(i);
	}
}

static void trunks(void **state)
{
	(void)state;
	attach_vlan(0, 7, NET_PORT_TRUNK);
	attach_vlan(1, 5, 0);
	attach_vlan(2, 7, 0);
	attach_vlan(3, 0, 0);
	put_tagged(0, MAC(1), MAC(0), 0x6005, 0x1234, 64); /* a tag with a priority */
	put_tagged(0, MAC(2), MAC(0), 7, 0x1235, MTU + 18);
	put_type(0, MAC(2), 0x1236, 60);
	put_tagged(0, MAC(2), MAC(0), 0xe000, 0x1237, 64); /* a priority, no VLAN */
	put_tagged(0, MAC(2), MAC(0), 7, 0x1238, 18);
	put_type(0, MAC(3), 0x1239, 60); /* the port is not in VLAN 7 */
	put_type(1, MAC(0), 0x123a, 60);
	put_type(2, MAC(0), 0x123b, 60);
	/* nor a trunk with a VLAN of its own in the untagged one */
	put_type(3, MAC(0), 0x123c, 60);
	serve_all();
	expect_frame(1, MAC(1), 60, -1, 0x1234);
	expect_frame(2, MAC(2), MTU + 14, -1, 0x1235);
	expect_frame(2, MAC(2), 60, -1, 0x1236);
	expect_frame(2, MAC(2), 60, -1, 0x1237);
	expect_frame(2, MAC(2), 14, -1, 0x1238);
	expect_frame(0, MAC(0), 64, 5, 0x123a);
	expect_frame(0, MAC(0), 60, -1, 0x123b);
	for (u32 i = 0; i < 4; i++)
		expect_nothing(i);
	expect_dropped(0, NET_DROP_NOBODY, 1);
	expect_dropped(3, NET_DROP_NOBODY, 1);
}

static void tags_that_nobody_may_send(void **state)
{
	(void)state;
	attach_vlan(0, 0, NET_PORT_TRUNK);
	attach_vlan(1, 5, 0);
	attach_vlan(2, 0, NET_PORT_UPLINK);
	for (u32 i = 0; i < 3; i += 2) {
		put_tagged(i, MAC(1), MAC(0) + i, 5, ETHER_TAG, 64);
		put_tagged(i, MAC(1), MAC(0) + i, 5, ETHER_TAG_SERVICE, 64);
		put_tagged(i, MAC(1), MAC(0) + i, 0xfff, 0x1234, 64);
		put_tagged(i, MAC(1), MAC(0) + i, 5, 0x1234, 17);
	}
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_VLAN, 4);
	expect_dropped(2, NET_DROP_VLAN, 4);
}

static void priority_goes_on(void **state)
{
	(void)state;
	attach_vlan(0, 0, NET_PORT_TRUNK);
	attach_vlan(1, 0, NET_PORT_TRUNK);
	put_tagged(0, MAC(1), MAC(0), 0xa005, 0x1234, 300);
	serve_all();
	expect_frame(1, MAC(1), 300, 0xa005, 0x1234);
}

static void a_mirror_is_told_the_vlan(void **state)
{
	(void)state;
	attach_vlan(0, 5, 0);
	attach_vlan(1, 5, 0);
	attach_port(2, (struct net_port){.flags = NET_PORT_MIRROR});
	put_type(0, MAC(1), 0x1234, 60);
	serve_all();
	expect_frame(2, MAC(1), 64, 5, 0x1234);
}

static void learnt_by_vlan(void **state)
{
	(void)state;
	attach_vlan(0, 5, 0);
	attach_vlan(1, 6, 0);
	attach_vlan(2, 0, NET_PORT_UPLINK);
	attach_vlan(3, 0, NET_PORT_TRUNK | NET_PORT_ANY_SOURCE);
	put_tagged(2, MAC(0), BEHIND(1), 5, 0x1234, 64);
	put_tagged(3, MAC(1), BEHIND(1), 6, 0x1234, 64);
	serve_all();
	put_type(0, BEHIND(1), 0x1235, 60);
	put_type(1, BEHIND(1), 0x1236, 60);
	serve_all();
	expect_frame(2, BEHIND(1), 64, 5, 0x1235);
	expect_frame(3, BEHIND(1), 64, 6, 0x1236);
	expect_nothing(2);
	expect_nothing(3);
}

/* A tag makes a frame longer than it came: the longest of all would close the receiver's link. */
static void the_longest_with_a_tag(void **state)
{
	static u8 frame[FRAME_BYTES_MAX];
	struct tcp_frame about;
	struct frame_header got;
	u32 bytes;

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .vlan = 5});
	attach_port(1, (struct net_port){.mac = MAC(1), .flags = NET_PORT_TRUNK});
	attach_port(2, (struct net_port){.flags = NET_PORT_MIRROR});
	wish(1, NET_WISH_CHECKSUM | NET_WISH_TCP4 | NET_WISH_TCP6);
	for (u32 over = FRAME_TAG_BYTES; over > 0; over--) {
		bytes = make_tcp(frame, true, 0, FRAME_BYTES_MAX - 74 - FRAME_TAG_BYTES + over,
				 &about);
		put_frame(0, tcp_header(&about, bytes, 1420), frame);
		serve_all();
		expect_nothing(1);
		expect_nothing(2);
	}
	expect_dropped(0, NET_DROP_TOO_LONG, FRAME_TAG_BYTES);
	bytes = make_tcp(frame, true, 0, FRAME_BYTES_MAX - 74 - FRAME_TAG_BYTES, &about);
	put_frame(0, tcp_header(&about, bytes, 1420), frame);
	serve_all();
	assert_true(take_frame(1, &got));
	assert_int_equal(got.bytes, FRAME_BYTES_MAX);
	assert_true(take_frame(2, &got));
	assert_int_equal(got.bytes, FRAME_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(access_ports),
		TEST(access_ports_send_no_tags),
		TEST(access_ports_send_priorities),
		TEST(trunks),
		TEST(tags_that_nobody_may_send),
		TEST(priority_goes_on),
		TEST(a_mirror_is_told_the_vlan),
		TEST(learnt_by_vlan),
		TEST(the_longest_with_a_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
