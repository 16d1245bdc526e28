/* SPDX-License-Identifier: MIT */
/* Limits by port, the one on floods, and turns by weight. */
#include "tests/unit/vmm/switch/switch_fixture.h"

/* The port's ring always has frames, as many as fit; the receiver takes what comes. */
static void fill_ring(u32 index, u64 to, u32 bytes)
{
	struct frame_header header = {.bytes = bytes};

	memset(scratch, 0x11, bytes);
	put_mac(scratch, to);
	put_mac(scratch + 6,
		(ports[index].flags & NET_PORT_UPLINK) != 0 ? BEHIND(index) : MAC(index));
	while (try_put(index, &header, scratch))
		;
}

static u64 empty_ring(u32 index)
{
	struct frame_header header;
	u64 count = 0;

	while (take_frame(index, &header))
		count++;
	return count;
}

/*
 * Runs as the main loop does: a round if there is something, else until the deadline. Returns the
 * number of frames.
 */
static u64 run_for(u64 ns, u32 sender, u32 receiver, u32 bytes)
{
	u64 end = now + ns;
	u64 count = 0;

	while (now < end) {
		fill_ring(sender, MAC(receiver), bytes);
		turn_wake(now);
		turn_round(now);
		count += empty_ring(receiver);
		/* the time that a round costs, and the delay that the end of a wait may have */
		now = port_sets.active != 0 ? now + 1000
					    : MIN(end, MAX(turn_deadline(), now) + 20000);
	}
	return count;
}

static void packets_a_second(void **state)
{
	static const u64 rates[] = {1, 100, 1000, 100000};

	(void)state;
	attach(1);
	for (u32 i = 0; i < ARRAY_COUNT(rates); i++) {
		u64 seconds = rates[i] >= 100000 ? 1 : 10;
		u64 count;

		attach_port(0, (struct net_port){.mac = MAC(0), .limit.units = rates[i]});
		run_for(NS_PER_S, 0, 1, 60); /* after this second the first burst is gone */
		count = run_for(seconds * NS_PER_S, 0, 1, 60);
		assert_in_range(count, seconds * rates[i] * 99 / 100,
				seconds * rates[i] * 101 / 100);
		/* nothing of what waited was lost */
		for (u32 reason = 0; reason < NET_DROP_COUNT; reason++)
			assert_int_equal(dropped(0, reason), 0);
		detach(0);
	}
}

static void bytes_a_second(void **state)
{
	/* clang-format off */
	static const struct {
		u64 rate;
		u64 burst;
		u32 bytes;
	} cases[] = {{1000000, 0, 60}, {1000000, 0, 1514}, {100000000, 0, 1514},
		     /* clang-format on */
		     {100000, 1, 1514},
		     {1000000, 100000, 500}};

	(void)state;
	attach(1);
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 seconds = 4;
		u64 sent;

		attach_port(0, (struct net_port){.mac = MAC(0),
						 .limit.bytes = cases[i].rate,
						 .limit.burst = cases[i].burst});
		run_for(NS_PER_S, 0, 1, cases[i].bytes);
		sent = run_for(seconds * NS_PER_S, 0, 1, cases[i].bytes) * cases[i].bytes;
		assert_in_range(sent, seconds * cases[i].rate * 99 / 100,
				seconds * cases[i].rate * 101 / 100);
		detach(0);
	}
}

static void a_burst(void **state)
{
	(void)state;
	attach(1);
	attach_port(0,
		    (struct net_port){.mac = MAC(0), .limit.bytes = 10000, .limit.burst = 100000});
	fill_ring(0, MAC(1), 1000);
	serve_all();
	assert_int_equal(empty_ring(1), 100);
	now += NS_PER_S;
	serve_all();
	assert_in_range(empty_ring(1), 9, 11);
}

/* A port that cannot be made to wait loses what is beyond. */
static void an_uplink_over_its_limit(void **state)
{
	u64 sent;

	(void)state;
	attach(0);
	attach_port(1, (struct net_port){.flags = NET_PORT_UPLINK, .limit.units = 1000});
	for (u32 i = 0; i < 100; i++)
		put_plain(1, MAC(0), BEHIND(1), 60, 0);
	serve_all();
	sent = empty_ring(0);
	assert_int_equal(sent, 5); /* five frames, of 1000 a second */
	expect_dropped(1, NET_DROP_LIMIT, 95);
	assert_int_equal(link_room(&peers[1].end), FRAMES_RING_BYTES);
}

static void changed_while_in_use(void **state)
{
	(void)state;
	attach(1);
	attach_port(0, (struct net_port){.mac = MAC(0), .limit.units = 1});
	run_for(NS_PER_S, 0, 1, 60);
	shared.client[0].port.limit.units = 1000;
	port_take_commands();
	run_for(NS_PER_S, 0, 1, 60);
	assert_in_range(run_for(NS_PER_S, 0, 1, 60), 990, 1010);
	shared.client[0].port.limit.units = 0;
	port_take_commands();
	assert_true(run_for(NS_PER_MS, 0, 1, 60) > 10000);
	shared.client[0].port.limit.units = 10;
	port_take_commands();
	run_for(NS_PER_S, 0, 1, 60);
	assert_in_range(run_for(10 * NS_PER_S, 0, 1, 60), 99, 101);
}

/* Many segments in one frame are as many packets. */
static void segments_count(void **state)
{
	struct packet cut = {.bytes = 54 + 3000,
			     .headers_bytes = 54,
			     .offer.segments = FRAME_TCP4,
			     .offer.segment_bytes = 1000};

	(void)state;
	assert_int_equal(packet_segments(&cut), 3);
	cut.bytes++;
	assert_int_equal(packet_segments(&cut), 4);
	cut.offer.segments = FRAME_WHOLE;
	assert_int_equal(packet_segments(&cut), 1);
}

static void floods(void **state)
{
	u64 count;

	(void)state;
	attach(0);
	attach(1);
	attach_uplink(2);
	for (u32 i = 0; i < 1000; i++)
		put_plain(0, i % 2 == 0 ? BROADCAST : BEHIND(7), MAC(0), 60, 0);
	put_plain(0, MAC(1), MAC(0), 60, PAYLOAD(1));
	serve_all();
	expect_dropped(0, NET_DROP_LIMIT, 1000 - LIMIT_FLOODS_BURST);
	assert_int_equal(empty_ring(2), LIMIT_FLOODS_BURST);
	/* the port's own frames pass all the same, and its neighbour's broadcasts */
	count = empty_ring(1);
	assert_int_equal(count, LIMIT_FLOODS_BURST / 2 + 1);
	put_plain(1, BROADCAST, MAC(1), 60, PAYLOAD(2));
	serve_all();
	expect_plain(0, BROADCAST, MAC(1), 60, PAYLOAD(2));
	for (u32 ms = 0; ms < 10; ms++) {
		now += 100 * NS_PER_MS;
		for (u32 i = 0; i < 200; i++)
			put_plain(0, BROADCAST, MAC(0), 60, 0);
		serve_all();
	}
	assert_in_range(empty_ring(1), LIMIT_FLOODS - 1, LIMIT_FLOODS + 1);
}

/* --- turns --- */

/* Rounds in which two ports always have frames of these lengths. Frames of each. */
static void compete(u32 rounds, const u32 bytes[2], u64 counts[2])
{
	counts[0] = counts[1] = 0;
	for (u32 i = 0; i < rounds; i++) {
		u64 before[2];

		for (u32 port = 0; port < 2; port++) {
			fill_ring(port, MAC(2), bytes[port]);
			before[port] = shared.net.counts[port].received_frames;
		}
		turn_round(now);
		empty_ring(2);
		for (u32 port = 0; port < 2; port++) {
			u64 count = shared.net.counts[port].received_frames - before[port];

			assert_true(count <= TURN_FRAMES);
			counts[port] += count;
		}
	}
}

static void turns_by_weight(void **state)
{
	static const struct {
		u64 weight[2];
		u32 bytes[2];
	} cases[] = {
		{{1, 1}, {60, 60}},	 {{1, 2}, {60, 60}},
		{{1, 2}, {1514, 60}},	 {{3, 1}, {60, 1514}},
		{{1, 10}, {1514, 1514}}, {{100, 100}, {1514, 60}},
		{{2, 3}, {60, 300}},	 {{1, SHARE_WEIGHT_MAX}, {60, 60}},
	};

	(void)state;
	attach(2);
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 counts[2];
		u64 work[2];

		for (u32 port = 0; port < 2; port++)
			attach_port(port, (struct net_port){.mac = MAC(port),
							    .limit.weight = cases[i].weight[port]});
		compete(600, cases[i].bytes, counts);
		for (u32 port = 0; port < 2; port++)
			work[port] = counts[port] * (cases[i].bytes[port] + FORWARD_OVERHEAD);
		if (cases[i].weight[1] == SHARE_WEIGHT_MAX) {
			assert_in_range(counts[0], 1, 2);
		} else {
			u64 a = work[0] * cases[i].weight[1];
			u64 b = work[1] * cases[i].weight[0];

			assert_in_range(a, b * 98 / 100, b * 102 / 100);
		}
		detach(0);
		detach(1);
	}
}

/* A port without frames does not save up for later; a port that is alone has all. */
static void no_saving(void **state)
{
	const u32 bytes[2] = {60, 60};
	u64 counts[2];

	(void)state;
	attach(0);
	attach(1);
	attach(2);
	for (u32 i = 0; i < 100; i++) {
		fill_ring(0, MAC(2), 60);
		turn_round(now);
		empty_ring(2);
	}
	compete(100, bytes, counts);
	assert_in_range(counts[1], counts[0] - 70, counts[0] + 70);
}

/* A broadcast is paid for by its sender, once for each that gets it. */
static void broadcasts_cost_more(void **state)
{
	(void)state;
	for (u32 i = 0; i < 10; i++)
		attach(i);
	put_plain(0, BROADCAST, MAC(0), 60, 0);
	put_plain(1, MAC(0), MAC(1), 60, 0);
	ports[0].share.deficit = ports[1].share.deficit = 0;
	turn_round(now);
	/* what was left of the turn is given up when there is no more */
	assert_int_equal(ports[0].share.deficit, 0);
	now += NS_PER_S;
	for (u32 i = 0; i < 100; i++)
		put_plain(0, BROADCAST, MAC(0), 60, 0);
	turn_round(now);
	assert_in_range(shared.net.counts[0].received_frames, 7, 9);
}

/* In one round every port is served, whatever another one sends. */
static void one_flood_among_many(void **state)
{
	(void)state;
	for (u32 i = 0; i < 32; i++)
		attach(i);
	fill_ring(0, MAC(1), 60);
	for (u32 i = 2; i < 32; i++)
		put_plain(i, MAC(1), MAC(i), 60, (u8)i);
	turn_round(now);
	for (u32 i = 2; i < 32; i++)
		assert_int_equal(shared.net.counts[i].received_frames, 1);
	assert_in_range(shared.net.counts[0].received_frames, 32, TURN_FRAMES);
}

/* --- signals --- */

static void one_signal_a_batch(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	assert_true(link_may_wait(&peers[1].end));
	for (u32 i = 0; i < 16; i++)
		put_plain(0, MAC(1), MAC(0), 60, 0);
	serve_all();
	assert_int_equal(peers[1].bells, 1);
	assert_int_equal(empty_ring(1), 16);
	/* nobody waits, so that nobody is signalled */
	for (u32 i = 0; i < 16; i++)
		put_plain(0, MAC(1), MAC(0), 60, 0);
	serve_all();
	assert_int_equal(peers[1].bells, 1);
	assert_int_equal(peers[0].bells, 0);
}

static void whoever_waits_for_room(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	fill_ring(0, MAC(1), 1514);
	assert_true(link_await_room(&peers[0].end, frames_room_for(1514)));
	serve_all();
	assert_int_equal(peers[0].bells, 1);
}

/* A port has frames but its doorbell was not heard: the look in between finds them. */
static void found_without_a_signal(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	put_plain(0, MAC(1), MAC(0), 60, PAYLOAD(1));
	port_sets.active = 0;
	port_look();
	assert_int_equal(port_sets.active, BIT(0));
	serve_all();
	expect_plain(1, MAC(1), MAC(0), 60, PAYLOAD(1));
	port_look();
	assert_int_equal(port_sets.active, 0);
}

/* A port that waits for its credit until far away goes on when the manager lets it send more. */
static void raised_while_it_waits(void **state)
{
	struct frame_header header;

	(void)state;
	attach(1);
	attach_port(0, (struct net_port){.mac = MAC(0), .limit.bytes = 1, .limit.burst = 1});
	for (u32 i = 0; i < 3; i++)
		put_plain(0, MAC(1), MAC(0), 1514, 0x11);
	serve_all();
	while (take_frame(1, &header))
		;
	assert_int_equal(port_sets.throttled, BIT(0));
	put_plain(0, MAC(1), MAC(0), 60, 0x22);
	now += NS_PER_S;
	shared.client[0].port.limit.bytes = 0;
	port_take_commands();
	serve_all();
	expect_plain(1, MAC(1), MAC(0), 60, 0x22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_a_second),
		TEST(bytes_a_second),
		TEST(a_burst),
		TEST(an_uplink_over_its_limit),
		TEST(changed_while_in_use),
		TEST(raised_while_it_waits),
		TEST(segments_count),
		TEST(floods),
		TEST(turns_by_weight),
		TEST(no_saving),
		TEST(broadcasts_cost_more),
		TEST(one_flood_among_many),
		TEST(one_signal_a_batch),
		TEST(whoever_waits_for_room),
		TEST(found_without_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
