/* SPDX-License-Identifier: MIT */
/* Two ways out of a network, loops among ports, and what an uplink is told when it opens. */
#include "tests/unit/vmm/switch/switch_fixture.h"

#define GUEST	  5u /* a port of a VM that may send from any address */
#define SECRET(n) (0x5ec2e700ull + (n))

static void attach_holder(u32 index, u32 flags)
{
	attach_port(index, (struct net_port){.mac = (flags & NET_PORT_UPLINK) != 0 ? 0 : MAC(index),
					     .flags = flags,
					     .secret = SECRET(index)});
}

/* Serves and announces as main does. */
static void serve_and_announce(void)
{
	loop_tick(now);
	if (port_sets.announce != 0)
		announce_all();
	port_publish();
	serve_all();
}

static void pass_time(u64 ns)
{
	now += ns;
	serve_and_announce();
}

static u32 state_of(u32 index)
{
	return shared.net.state[index];
}

static void expect_looped(u32 index, u32 with)
{
	assert_int_equal(state_of(index), NET_PORT_LOOPED | with << NET_PORT_WITH_SHIFT);
}

/* Frames that an uplink has got: probes, announcements, and others. */
struct taken {
	u32 probes;
	u32 announced;
	u32 others;
	u8 probe[PROBE_BYTES];
};

static struct taken take_all(u32 index)
{
	struct taken taken = {0};
	struct frame_header header;

	while (take_frame(index, &header)) {
		u16 type = bytes_get16(scratch + ETHER_TYPE_AT);

		taken.probes += type == PROBE_TYPE;
		taken.announced += type == RARP_TYPE;
		taken.others += type != PROBE_TYPE && type != RARP_TYPE;
		if (type == PROBE_TYPE)
			memcpy(taken.probe, scratch, PROBE_BYTES);
	}
	return taken;
}

static void put_back(u32 index, const u8 *probe)
{
	put_frame(index, (struct frame_header){.bytes = PROBE_BYTES}, probe);
	serve_all();
}

/*
 * Joins two ports: what leaves by one comes back by the other. Returns how many probes there were.
 */
static u32 join(u32 one, u32 other)
{
	struct taken first = take_all(one);
	struct taken second = take_all(other);

	if (first.probes != 0)
		put_back(other, first.probe);
	if (second.probes != 0)
		put_back(one, second.probe);
	return first.probes + second.probes;
}

static void set_down(u32 index, bool down)
{
	shared.client[index].port.down = down;
	port_take_commands();
	serve_and_announce();
}

static bool reaches(u32 from, u32 to)
{
	struct taken taken;

	take_all(to);
	put_plain(from, BROADCAST, MAC(from), 60, PAYLOAD(to));
	serve_all();
	taken = take_all(to);
	return taken.others != 0;
}

/* One uplink alone has no loop: it opens at once and costs nothing. */
static void one_uplink(void **state)
{
	(void)state;
	attach(0);
	attach_holder(1, NET_PORT_UPLINK);
	assert_int_equal(state_of(1), NET_PORT_OPEN);
	pass_time(NS_PER_S);
	assert_int_equal(loop_deadline(), ~0ull);
	assert_int_equal(take_all(1).probes, 0);
	assert_true(reaches(0, 1));
	set_down(1, true);
	assert_int_equal(state_of(1), NET_PORT_DOWN);
	assert_false(reaches(0, 1));
	set_down(1, false);
	assert_int_equal(state_of(1), NET_PORT_OPEN);
	assert_true(reaches(0, 1));
}

/*
 * Two uplinks are on one wire: the second never opens, and stands in for the first when that is
 * down.
 */
static void two_on_one_wire(void **state)
{
	(void)state;
	attach(0);
	attach_holder(1, NET_PORT_UPLINK);
	attach_holder(2, NET_PORT_UPLINK);
	assert_int_equal(state_of(1), NET_PORT_OPEN);
	assert_int_equal(state_of(2), NET_PORT_LISTENS);
	for (u32 i = 0; i < 20; i++) {
		pass_time(NS_PER_S);
		assert_int_equal(join(1, 2), 1);
		expect_looped(2, 1);
		assert_true(reaches(0, 1));
		assert_false(reaches(0, 2));
	}
	told = 0;
	put_plain(1, MAC(0), BEHIND(1), 60, 0); /* the address was learnt at the other port */
	serve_all();
	set_down(1, true);
	assert_true(told >= 2);
	assert_int_equal(state_of(1), NET_PORT_DOWN);
	assert_int_equal(state_of(2), NET_PORT_OPEN);
	assert_true(reaches(0, 2));
	put_plain(0, BEHIND(1), MAC(0), 60, PAYLOAD(9));
	serve_all();
	expect_plain(2, BEHIND(1), MAC(0), 60, PAYLOAD(9));
	/* the first uplink comes back, and is now the one that waits */
	set_down(1, false);
	assert_int_equal(state_of(1), NET_PORT_LISTENS);
	pass_time(NS_PER_S);
	join(1, 2);
	expect_looped(1, 2);
	assert_int_equal(state_of(2), NET_PORT_OPEN);
	/* the uplink that leads out goes altogether */
	detach(2);
	assert_int_equal(state_of(1), NET_PORT_OPEN);
}

/* Two uplinks are on two wires: both open, and what comes by one goes out by the other. */
static void two_wires(void **state)
{
	(void)state;
	attach(0);
	attach_holder(1, NET_PORT_UPLINK);
	attach_holder(2, NET_PORT_UPLINK);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(state_of(2), NET_PORT_LISTENS);
		pass_time(NS_PER_S);
	}
	assert_int_equal(state_of(2), NET_PORT_OPEN);
	take_all(1);
	take_all(2);
	put_plain(1, BROADCAST, BEHIND(1), 60, PAYLOAD(1));
	serve_all();
	assert_int_equal(take_all(2).others, 1);
	/* a bridge joins the wires: the later uplink is blocked, whichever probe comes first */
	pass_time(NS_PER_S);
	put_back(1, take_all(2).probe);
	expect_looped(2, 1);
	assert_int_equal(state_of(1), NET_PORT_OPEN);
	/* the wires are parted: after some seconds the uplink opens */
	for (u32 i = 0; i < 8; i++)
		pass_time(NS_PER_S);
	assert_int_equal(state_of(2), NET_PORT_OPEN);
}

/* A guest that bridges two networks' cards, or its own two: never at an uplink's cost. */
static void a_guest_that_bridges(void **state)
{
	struct taken taken;

	(void)state;
	attach_holder(GUEST, NET_PORT_ANY_SOURCE);
	attach_holder(GUEST + 1, NET_PORT_ANY_SOURCE);
	attach_holder(GUEST + 2, NET_PORT_UPLINK);
	assert_int_equal(state_of(GUEST), NET_PORT_OPEN);
	pass_time(NS_PER_S);
	taken = take_all(GUEST);
	assert_int_equal(taken.probes, 1);
	put_back(GUEST, taken.probe); /* the guest's own frame makes no loop of ports */
	assert_int_equal(state_of(GUEST), NET_PORT_OPEN);
	put_back(GUEST + 2, taken.probe);
	expect_looped(GUEST, GUEST + 2);
	take_all(GUEST + 2);
	pass_time(NS_PER_S);
	assert_int_equal(take_all(GUEST).probes, 0);
	taken = take_all(GUEST + 2);
	assert_int_equal(taken.probes, 1);
	put_back(GUEST + 1, taken.probe);
	expect_looped(GUEST + 1, GUEST + 2);
	assert_int_equal(state_of(GUEST + 2), NET_PORT_OPEN);
}

/* Probes of others go on like any frame; forged ones do nothing. */
static void probes_that_are_none(void **state)
{
	struct taken taken;

	(void)state;
	attach_holder(1, NET_PORT_UPLINK);
	attach_holder(2, NET_PORT_ANY_SOURCE);
	attach_port(3, (struct net_port){.mac = MAC(3)});
	pass_time(NS_PER_S);
	taken = take_all(1);
	assert_int_equal(taken.probes, 1);
	assert_int_equal(take_all(2).probes, 1);
	assert_int_equal(take_all(3).probes, 0);
	for (u32 at = 0; at < PROBE_TEXT_AT; at++) {
		u8 other[PROBE_BYTES];

		if (at >= PROBE_SOURCE_AT && at < ETHER_TYPE_AT)
			continue;
		memcpy(other, taken.probe, sizeof(other));
		other[at] ^= at == 0 ? 2 : 0x40; /* a group still */
		put_back(2, other);
		assert_int_equal(state_of(2), NET_PORT_OPEN);
		assert_int_equal(dropped(2, NET_DROP_NOBODY), 0);
	}
	/* the probe comes by a port that cannot send from there at all */
	put_back(3, taken.probe);
	assert_int_equal(dropped(3, NET_DROP_SPOOFED), 1);
	/* a probe too short to have a secret, and a probe with an offer */
	put_frame(2, (struct frame_header){.bytes = PROBE_SECRET_AT + 4}, taken.probe);
	serve_all();
	assert_int_equal(state_of(2), NET_PORT_OPEN);
	put_back(2, taken.probe);
	expect_looped(2, 1);
}

/* Frames are not sent on from one to the other, so it is none. */
static void no_loop_between(void **state)
{
	struct taken taken;

	(void)state;
	attach_holder(1, NET_PORT_ANY_SOURCE | NET_PORT_PRIVATE);
	attach_holder(2, NET_PORT_ANY_SOURCE | NET_PORT_PRIVATE);
	attach_port(3, (struct net_port){.mac = MAC(3),
					 .flags = NET_PORT_ANY_SOURCE,
					 .vlan = 7,
					 .secret = SECRET(3)});
	pass_time(NS_PER_S);
	taken = take_all(1);
	put_back(2, taken.probe);
	put_back(3, taken.probe);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(state_of(i), NET_PORT_OPEN);
}

static void expect_announced(u32 index, u64 mac, u16 vlan)
{
	struct frame_header header;
	u32 tag = vlan != 0 ? FRAME_TAG_BYTES : 0;

	do
		assert_true(take_frame(index, &header));
	while (bytes_get16(scratch + ETHER_TYPE_AT) == PROBE_TYPE);
	assert_int_equal(header.bytes, RARP_BYTES + tag);
	assert_int_equal(bytes_get_mac(scratch), BROADCAST);
	assert_int_equal(bytes_get_mac(scratch + 6), mac);
	if (vlan != 0)
		assert_int_equal(bytes_get32(scratch + 12), (u32)ETHER_TAG << 16 | vlan);
	assert_int_equal(bytes_get16(scratch + 12 + tag), RARP_TYPE);
	assert_int_equal(bytes_get16(scratch + 20 + tag), RARP_REQUEST);
	assert_int_equal(bytes_get_mac(scratch + 22 + tag), mac);
	assert_int_equal(bytes_get_mac(scratch + 32 + tag), mac);
}

/* Whenever an uplink opens, its wire learns who is here. */
static void announced_on_the_wire(void **state)
{
	(void)state;
	attach(0);
	attach_port(3, (struct net_port){.mac = MAC(3), .vlan = 9});
	attach_holder(GUEST, NET_PORT_ANY_SOURCE);
	put_plain(GUEST, MAC(0), BEHIND(GUEST), 60, 0);
	serve_all();
	attach_holder(1, NET_PORT_UPLINK);
	serve_and_announce();
	for (u32 i = 0; i < 2; i++) {
		expect_announced(1, MAC(0), 0);
		expect_announced(1, MAC(3), 9);
		expect_announced(1, MAC(GUEST), 0);
		expect_announced(1, BEHIND(GUEST), 0);
		take_all(1);
		pass_time(NS_PER_S);
		assert_int_equal(take_all(1).announced, 0);
		set_down(1, true);
		/* the uplink's driver was started anew in between */
		peers[1].memory->generation++;
		set_down(1, false);
		assert_true(link_renewed(&peers[1].end));
	}
	take_all(3);
	assert_int_equal(take_all(0).announced, 0);
}

/* A switch that was started anew. */
static void announced_by_a_new_switch(void **state)
{
	(void)state;
	attach_holder(0, NET_PORT_UPLINK);
	attach(1);
	serve_and_announce();
	take_all(0);
	memset(ports, 0, sizeof(ports));
	port_sets = (struct port_sets){0};
	mac_table_init(5, 6);
	for (u32 i = 0; i < 2; i++)
		peers[i].memory->generation++;
	port_take_commands();
	serve_and_announce();
	assert_true(link_renewed(&peers[0].end));
	expect_announced(0, MAC(1), 0);
	expect_nothing(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_uplink),
		TEST(two_on_one_wire),
		TEST(two_wires),
		TEST(a_guest_that_bridges),
		TEST(probes_that_are_none),
		TEST(no_loop_between),
		TEST(announced_on_the_wire),
		TEST(announced_by_a_new_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
