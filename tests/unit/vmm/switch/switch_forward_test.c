/* SPDX-License-Identifier: MIT */
/* Who gets a frame: by address, learnt or fixed; private, blocked and mirror ports. */
#include "tests/unit/vmm/switch/switch_fixture.h"

static void to_the_one_it_is_for(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		attach(i);
	put_plain(0, MAC(2), MAC(0), 60, PAYLOAD(1));
	put_plain(0, MAC(3), MAC(0), 1514, PAYLOAD(2));
	put_plain(3, MAC(0), MAC(3), 14, PAYLOAD(3));
	put_plain(3, MAC(0), MAC(3), 193, PAYLOAD(4));
	serve_all();
	expect_plain(2, MAC(2), MAC(0), 60, PAYLOAD(1));
	expect_plain(3, MAC(3), MAC(0), 1514, PAYLOAD(2));
	expect_plain(0, MAC(0), MAC(3), 14, PAYLOAD(3));
	expect_plain(0, MAC(0), MAC(3), 193, PAYLOAD(4));
	for (u32 i = 0; i < 4; i++)
		expect_nothing(i);
	assert_int_equal(shared.net.counts[0].received_frames, 2);
	assert_int_equal(shared.net.counts[0].received_bytes, 60 + 1514);
	assert_int_equal(shared.net.counts[0].sent_frames, 2);
	assert_int_equal(shared.net.counts[0].sent_bytes, 14 + 193);
	assert_int_equal(shared.net.counts[2].sent_bytes, 60);
}

static void broadcasts_go_to_all_but_the_sender(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		attach(i);
	attach_uplink(3);
	put_plain(1, BROADCAST, MAC(1), 60, PAYLOAD(1));
	put_plain(1, MULTICAST, MAC(1), 60, PAYLOAD(2));
	serve_all();
	expect_nothing(1);
	for (u32 i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		expect_plain(i, BROADCAST, MAC(1), 60, PAYLOAD(1));
		expect_plain(i, MULTICAST, MAC(1), 60, PAYLOAD(2));
		expect_nothing(i);
	}
}

/* Frames that 802.1Q keeps between neighbours, such as a spanning tree's, are not forwarded. */
static void neighbours_frames_end_here(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	put_plain(0, 0x00000000c28001ull, MAC(0), 60, 0);
	put_plain(0, 0x0f0000c28001ull, MAC(0), 60, 0);
	put_plain(0, 0x100000c28001ull, MAC(0), 60, PAYLOAD(1));
	serve_all();
	expect_plain(1, 0x100000c28001ull, MAC(0), 60, PAYLOAD(1));
	expect_nothing(1);
	expect_dropped(0, NET_DROP_NOBODY, 2);
}

/* An unknown address can only be behind an uplink or a port with any source. */
static void unknown_addresses(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	put_plain(0, BEHIND(1), MAC(0), 60, PAYLOAD(1));
	serve_all();
	expect_nothing(1);
	expect_dropped(0, NET_DROP_NOBODY, 1);
	attach_uplink(2);
	attach_port(3, (struct net_port){.mac = MAC(3), .flags = NET_PORT_ANY_SOURCE});
	put_plain(0, BEHIND(1), MAC(0), 60, PAYLOAD(2));
	serve_all();
	expect_nothing(1);
	expect_plain(2, BEHIND(1), MAC(0), 60, PAYLOAD(2));
	expect_plain(3, BEHIND(1), MAC(0), 60, PAYLOAD(2));
}

static void learnt_addresses(void **state)
{
	(void)state;
	attach(0);
	attach_uplink(2);
	attach_port(3, (struct net_port){.mac = MAC(3), .flags = NET_PORT_ANY_SOURCE});
	put_plain(2, MAC(0), BEHIND(2), 60, PAYLOAD(1));
	put_plain(3, MAC(0), BEHIND(3), 60, PAYLOAD(1));
	serve_all();
	put_plain(0, BEHIND(2), MAC(0), 60, PAYLOAD(2));
	put_plain(0, BEHIND(3), MAC(0), 60, PAYLOAD(3));
	serve_all();
	expect_plain(2, BEHIND(2), MAC(0), 60, PAYLOAD(2));
	expect_nothing(2);
	expect_plain(3, BEHIND(3), MAC(0), 60, PAYLOAD(3));
	expect_nothing(3);
	/* the receiver is behind the port that sends */
	put_plain(2, BEHIND(9), BEHIND(2), 60, PAYLOAD(4));
	serve_all();
	expect_plain(3, BEHIND(9), BEHIND(2), 60, PAYLOAD(4));
	put_plain(2, BEHIND(2), BEHIND(8), 60, PAYLOAD(4));
	serve_all();
	expect_nothing(2);
	expect_dropped(2, NET_DROP_NOBODY, 1);
}

static void an_address_that_has_moved(void **state)
{
	(void)state;
	attach(0);
	attach_uplink(1);
	attach_port(2, (struct net_port){.mac = MAC(2), .flags = NET_PORT_ANY_SOURCE});
	put_plain(1, MAC(0), BEHIND(7), 60, 0);
	serve_all();
	put_plain(2, MAC(0), BEHIND(7), 60, 0);
	serve_all();
	put_plain(0, BEHIND(7), MAC(0), 60, PAYLOAD(1));
	serve_all();
	expect_nothing(1);
	expect_plain(2, BEHIND(7), MAC(0), 60, PAYLOAD(1));
	detach(2);
	put_plain(0, BEHIND(7), MAC(0), 60, PAYLOAD(2));
	serve_all();
	expect_plain(1, BEHIND(7), MAC(0), 60, PAYLOAD(2));
}

static void private_ports(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++)
		attach_port(i, (struct net_port){.mac = MAC(i), .flags = NET_PORT_PRIVATE});
	attach(2);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	put_plain(0, MAC(2), MAC(0), 60, PAYLOAD(1));
	put_plain(0, BROADCAST, MAC(0), 60, PAYLOAD(2));
	put_plain(2, MAC(1), MAC(2), 60, PAYLOAD(3));
	serve_all();
	expect_plain(1, MAC(1), MAC(2), 60, PAYLOAD(3));
	expect_nothing(1);
	expect_plain(2, MAC(2), MAC(0), 60, PAYLOAD(1));
	expect_plain(2, BROADCAST, MAC(0), 60, PAYLOAD(2));
	expect_dropped(0, NET_DROP_NOBODY, 1);
}

static void a_blocked_port(void **state)
{
	(void)state;
	attach(0);
	attach_port(1, (struct net_port){.flags = NET_PORT_UPLINK, .down = 1});
	put_plain(1, MAC(0), BEHIND(1), 60, 0);
	put_plain(0, BROADCAST, MAC(0), 60, 0);
	put_plain(0, BEHIND(1), MAC(0), 60, 0);
	serve_all();
	expect_nothing(0);
	expect_nothing(1);
	expect_dropped(1, NET_DROP_NOBODY, 1);
	expect_dropped(0, NET_DROP_NOBODY, 2);
	assert_int_equal(mac_table_count(), 0);
}

static void a_mirror(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	attach_port(2, (struct net_port){.flags = NET_PORT_MIRROR});
	put_plain(0, MAC(1), MAC(0), 60, PAYLOAD(1));
	put_plain(0, BROADCAST, MAC(0), 60, PAYLOAD(2));
	/* the mirror does not get this frame, as it is not forwarded */
	put_plain(0, MAC(1), MAC(7), 60, PAYLOAD(3));
	put_plain(2, MAC(1), MAC(2), 60, PAYLOAD(4));
	serve_all();
	expect_plain(2, MAC(1), MAC(0), 60, PAYLOAD(1));
	expect_plain(2, BROADCAST, MAC(0), 60, PAYLOAD(2));
	expect_nothing(2);
	expect_plain(1, MAC(1), MAC(0), 60, PAYLOAD(1));
	expect_plain(1, BROADCAST, MAC(0), 60, PAYLOAD(2));
	expect_nothing(1);
	expect_dropped(2, NET_DROP_NOBODY, 1);
}

static void a_receiver_that_takes_nothing(void **state)
{
	u32 sent = 0;
	struct frame_header header;
	u32 taken = 0;

	(void)state;
	attach(0);
	attach(1);
	attach(2);
	for (; sent < 1000; sent++) {
		put_plain(0, MAC(1), MAC(0), 1514, PAYLOAD(1));
		put_plain(0, MAC(2), MAC(0), 60, (u8)sent);
		serve_all();
		expect_plain(2, MAC(2), MAC(0), 60, (u8)sent);
	}
	while (take_frame(1, &header))
		taken++;
	assert_in_range(taken, FRAMES_RING_BYTES / 1600, 999);
	expect_dropped(1, NET_DROP_FULL, sent - taken);
	assert_int_equal(shared.net.counts[1].sent_frames, taken);
}

static void too_long_for_the_network(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	put_plain(0, MAC(1), MAC(0), MTU + 14, PAYLOAD(1));
	put_plain(0, MAC(1), MAC(0), MTU + 15, PAYLOAD(1));
	put_plain(0, MAC(1), MAC(0), 60000, PAYLOAD(1));
	serve_all();
	expect_plain(1, MAC(1), MAC(0), MTU + 14, PAYLOAD(1));
	expect_nothing(1);
	expect_dropped(0, NET_DROP_TOO_LONG, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(to_the_one_it_is_for),
		TEST(broadcasts_go_to_all_but_the_sender),
		TEST(neighbours_frames_end_here),
		TEST(unknown_addresses),
		TEST(learnt_addresses),
		TEST(an_address_that_has_moved),
		TEST(private_ports),
		TEST(a_blocked_port),
		TEST(a_mirror),
		TEST(a_receiver_that_takes_nothing),
		TEST(too_long_for_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
