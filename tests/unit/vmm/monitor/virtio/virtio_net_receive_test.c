/* SPDX-License-Identifier: MIT */
/* virtio-net: frames for the guest, its buffers, and which of its queues they go to. */
#include "tests/unit/virtio_net_fixture.h"

#define HEADER_BYTES 12u
#define OTHER_MAC    0x020000000002ull /* 02:00:00:00:00:02 backwards */

static void receives(void **state)
{
	struct net_header header;

	(void)state;
	add_buffers(0, 0, 2, 1526);
	give(60);
	assert_int_equal(used_new(0), 1);
	expect_received(0, 0, 60);
	header = header_in(0);
	assert_memory_equal(&header, &(struct net_header){.buffer_count = 1}, sizeof(header));
	give(1514);
	expect_received(0, 1, 1514);
	assert_int_equal(net.counts.received_frames, 2);
	assert_int_equal(net.counts.received_bytes, 1574);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_QUEUE);
}

/* A batch is shown and announced once, and its room given back by one signal. */
static void in_batches(void **state)
{
	const struct frame_header header = {.bytes = 64};

	(void)state;
	add_buffers(0, 0, 32, 1526);
	rings = 0;
	for (u32 i = 0; i < 16; i++)
		put_frame_as(OWN_MAC, &header);
	assert_false(link_await_room(&port, FRAMES_RING_BYTES / 2));
	assert_true(link_publish(&port)); /* the card had asked for a signal */
	assert_true(link_await_room(&port, FRAMES_RING_BYTES));
	virtio_net_poll_link(&net);
	assert_int_equal(used_new(0), 16);
	assert_int_equal(rings, 1);
	for (u32 i = 0; i < 16; i++)
		expect_received(0, i, 64);
	put_frame_as(OWN_MAC, &header);
	assert_true(link_publish(&port)); /* the card waits again */
	put_frame_as(OWN_MAC, &header);
	assert_false(link_publish(&port)); /* the card was told already */
}

/* Without buffers frames stay where they are, in their order. */
static void waits_for_buffers(void **state)
{
	(void)state;
	give(60);
	give(61);
	give(62);
	assert_int_equal(used_new(0), 0);
	assert_true(net.hungry);
	add_buffers(0, 0, 2, 1526);
	assert_int_equal(used_new(0), 2);
	expect_received(0, 0, 60);
	expect_received(0, 1, 61);
	add_buffers(0, 2, 1, 1526);
	expect_received(0, 2, 62);
	assert_int_equal(lost_in_all(), 0);
}

static void merges_buffers(void **state)
{
	(void)state;
	add_buffers(0, 0, 4, 1000);
	give(2500);
	assert_int_equal(used_new(0), 3);
	assert_int_equal(hear(0), 1000);
	assert_int_equal(hear(0), 1000);
	assert_int_equal(hear(0), 2500 + HEADER_BYTES - 2000);
	assert_int_equal(header_in(0).buffer_count, 3);
	for (u32 i = NET_MAC_BYTES; i < 2500; i++) {
		u32 at = i + HEADER_BYTES;

		assert_int_equal(ram[RECEIVE_AT + at / 1000 * BUFFER_BYTES + at % 1000],
				 pattern(i));
	}
	assert_int_equal(ram[RECEIVE_AT + 2 * BUFFER_BYTES + 512], 0xcc);
	give(988);
	assert_int_equal(used_new(0), 1);
	assert_int_equal(hear(0), 1000);
	assert_int_equal(header_in(3).buffer_count, 1);
}

/* Too few buffers for the frame are not used, and are the first to be used once there are more. */
static void merges_when_there_are_enough(void **state)
{
	(void)state;
	add_buffers(0, 0, 2, 1000);
	give(2500);
	give(60);
	assert_int_equal(used_new(0), 0);
	virtio_net_poll_link(&net);
	assert_int_equal(used_new(0), 0);
	add_buffers(0, 2, 1, 1000);
	assert_int_equal(used_new(0), 3);
	assert_int_equal(header_in(0).buffer_count, 3);
	heard[0] = 3;
	add_buffers(0, 3, 1, 1000);
	expect_received(0, 3, 60);
}

/* The guest sees no buffer of a frame before it sees all of them. */
static void shows_a_frame_whole(void **state)
{
	(void)state;
	add_buffers(0, 0, 3, 100);
	assert_true(virtqueue_pop(&net.virtio, 0, &net.chain));
	virtqueue_put(&net.virtio, 0, net.chain.head, 100);
	assert_int_equal(used_new(0), 0);
	virtqueue_show(&net.virtio, 0);
	assert_int_equal(used_new(0), 1);
}

/* A frame that no buffers of the guest's can ever hold is dropped: it blocks nothing. */
static void frames_too_long(void **state)
{
	(void)state;
	add_buffers(0, 0, VIRTIO_NET_QUEUE_SIZE, 12);
	give(VIRTIO_NET_QUEUE_SIZE * 12);
	assert_int_equal(used_new(0), 0);
	assert_int_equal(net.counts.lost[NET_LOSS_BUFFERS], 1);
	give(60);
	assert_int_equal(used_new(0), 6);
	assert_int_equal(header_in(0).buffer_count, 6);
	teardown(state);
	setup_with(1, ~BIT(NET_F_MRG_RXBUF));
	add_buffers(0, 0, 2, 100);
	give(89);
	assert_int_equal(net.counts.lost[NET_LOSS_BUFFERS], 1);
	give(88);
	expect_received(0, 0, 88);
	assert_int_equal(header_in(0).buffer_count, 1);
}

/* The first buffer has no room for the header, or none for anything (5.1.6.3.1). */
static void buffers_too_short(void **state)
{
	const struct virtio_segment readable = SEGMENT(SEND_AT, 2000);

	(void)state;
	add_buffers(0, 0, 1, 11);
	give(60);
	assert_int_equal(net.counts.lost[NET_LOSS_BUFFERS], 1);
	teardown(state);
	setup(state);
	add_chain(0, &readable, 1, 1);
	notify(0);
	give(60);
	assert_int_equal(net.counts.lost[NET_LOSS_BUFFERS], 1);
	assert_false(needs_reset());
}

/* The switch says something of a frame of 100 bytes, and the guest is told the same. */
static void headers(void **state)
{
	/* clang-format off */
	static const struct {
		struct frame_header frame;
		bool good;
		struct net_header header;
	} cases[] = {
		{{.flags = FRAME_NEEDS_CHECKSUM, .checksum_start = 34, .checksum_offset = 64}, true,
		 {.flags = 1, .checksum_start = 34, .checksum_offset = 64}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .checksum_start = 34, .checksum_offset = 65},
		 false, {0}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .checksum_start = 0xffff,
		  .checksum_offset = 0xffff}, false, {0}},
		{{.flags = FRAME_CHECKED}, true, {.flags = 2}},
		{{.flags = FRAME_CHECKED | FRAME_NEEDS_CHECKSUM, .checksum_start = 34}, true,
		 {.flags = 1, .checksum_start = 34}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .segments = FRAME_TCP4, .segment_bytes = 40,
		  .checksum_start = 34, .checksum_offset = 16}, true,
		 {.flags = 1, .segmentation = 1, .segment_bytes = 40, .checksum_start = 34,
		  .checksum_offset = 16, .header_bytes = 34 + (46 * 5 + 1) % 256 / 16 * 4}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .segments = FRAME_TCP6, .segment_bytes = 40,
		  .checksum_start = 85, .checksum_offset = 13}, true,
		 {.flags = 1, .segmentation = 4, .segment_bytes = 40, .checksum_start = 85,
		  .checksum_offset = 13, .header_bytes = 100}},
		{{.segments = FRAME_TCP4, .segment_bytes = 40}, false, {0}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .segments = FRAME_TCP4}, false, {0}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .segments = 3, .segment_bytes = 40}, false, {0}},
		{{.flags = FRAME_NEEDS_CHECKSUM, .segments = 255, .segment_bytes = 40}, false, {0}},
	};
	/* clang-format on */
	u32 lost = 0;
	u32 seen = 0;

	(void)state;
	add_buffers(0, 0, 16, 1526);
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		struct frame_header frame = cases[i].frame;
		struct net_header wanted = cases[i].header;
		struct net_header got;

		frame.bytes = 100;
		give_as(OWN_MAC, &frame);
		lost += !cases[i].good;
		assert_int_equal(net.counts.lost[NET_LOSS_REFUSED], lost);
		if (!cases[i].good)
			continue;
		wanted.buffer_count = 1;
		got = header_in(seen);
		assert_memory_equal(&got, &wanted, sizeof(got));
		expect_received(0, seen++, 100);
	}
}

/* The switch is told what the guest takes; what comes nevertheless the guest does not get. */
static void wishes(void **state)
{
	static const struct {
		u64 known;
		u32 wish;
		u64 lost;
	} cases[] = {
		{0, 0, 3},
		{BIT(NET_F_GUEST_CSUM), NET_WISH_CHECKSUM, 2},
		{BIT(NET_F_GUEST_TSO4), 0, 3}, /* the feature is of no use alone (5.1.3.1) */
		{BIT(NET_F_GUEST_CSUM) | BIT(NET_F_GUEST_TSO4), NET_WISH_CHECKSUM | NET_WISH_TCP4,
		 1},
		{BIT(NET_F_GUEST_CSUM) | BIT(NET_F_GUEST_TSO6), NET_WISH_CHECKSUM | NET_WISH_TCP6,
		 1},
		{ALL_FEATURES, NET_WISH_CHECKSUM | NET_WISH_TCP4 | NET_WISH_TCP6, 0},
	};
	/* clang-format off */
	static const struct frame_header frame[] = {
		{.bytes = 60, .flags = FRAME_NEEDS_CHECKSUM, .checksum_start = 34},
		{.bytes = 60, .flags = FRAME_NEEDS_CHECKSUM, .checksum_start = 34,
		 .segments = FRAME_TCP4, .segment_bytes = 9},
		{.bytes = 60, .flags = FRAME_NEEDS_CHECKSUM, .checksum_start = 34,
		 .segments = FRAME_TCP6, .segment_bytes = 9},
		{.bytes = 60, .flags = FRAME_CHECKED},
	};
	/* clang-format on */

	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		teardown(state);
		setup_with(1, cases[i].known);
		virtio_net_poll_link(&net);
		assert_int_equal(link_wish_of_peer(&port), cases[i].wish);
		add_buffers(0, 0, 4, 1526);
		for (u32 k = 0; k < ARRAY_COUNT(frame); k++)
			give_as(OWN_MAC, &frame[k]);
		assert_int_equal(net.counts.lost[NET_LOSS_REFUSED], cases[i].lost);
		assert_int_equal(used_new(0), 4 - cases[i].lost);
		assert_int_equal(header_in(3 - (u32)cases[i].lost).flags,
				 (cases[i].known & BIT(NET_F_GUEST_CSUM)) != 0 ? 2 : 0);
		set(STATUS_AT, 1, 0);
		assert_int_equal(link_wish_of_peer(&port), 0);
		new_switch();
		start_device(cases[i].known);
		virtio_net_poll_link(&net);
		assert_int_equal(link_wish_of_peer(&port), cases[i].wish);
	}
}

/* --- pairs of queues --- */

/* Writes an IPv4 frame with TCP from one port to the other. */
static void put_tcp4(u8 *frame, u32 source, u32 target, u16 source_port, u16 target_port)
{
	const u8 ip[] = {0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 6, 0, 0};

	memcpy(frame + 12, ip, sizeof(ip));
	memcpy(frame + 26, &source, 4);
	memcpy(frame + 30, &target, 4);
	memcpy(frame + 34, &source_port, 2);
	memcpy(frame + 36, &target_port, 2);
}

static void send_tcp4(u32 queue, u16 from, u16 to)
{
	const struct net_header header = {0};

	put_tcp4(fill_frame(60), 1, 2, from, to);
	send_as(queue, &header, 60);
	(void)hear(queue);
}

/* The answer. */
static void give_tcp4(u16 from, u16 to)
{
	const struct frame_header header = {.bytes = 60};
	u8 *frame = frames_reserve(&port, 60);

	memset(frame, 0, 60);
	memcpy(frame, &net.state.mac, NET_MAC_BYTES);
	put_tcp4(frame, 2, 1, from, to);
	frames_add(&port, &header);
	port_publish();
}

static void flows_stay_with_their_pair(void **state)
{
	(void)state;
	assert_int_equal(command_u16(4, 0, 4), 0);
	for (u32 pair = 0; pair < 4; pair++)
		add_buffers(2 * pair, pair * 16, 16, 1526);
	send_tcp4(5, 1000, 80);
	give_tcp4(80, 1000);
	assert_int_equal(used_new(4), 1);
	send_tcp4(7, 1000, 80); /* the flow has moved to another pair */
	give_tcp4(80, 1000);
	assert_int_equal(used_new(6), 1);
	give_tcp4(80, 2222); /* a flow never heard of */
	assert_int_equal(used_new(0), 1);
	assert_int_equal(command_u16(4, 0, 1), 0);
	give_tcp4(80, 1000);
	assert_int_equal(used_new(0), 2);
}

/* A pair without buffers takes another pair's; where none has any, the frame waits. */
static void another_pair_helps_out(void **state)
{
	(void)state;
	assert_int_equal(command_u16(4, 0, 2), 0);
	send_tcp4(3, 1000, 80);
	add_buffers(0, 0, 1, 1526);
	give_tcp4(80, 1000);
	assert_int_equal(used_new(0), 1);
	give_tcp4(80, 1000);
	assert_int_equal(used_new(0) + used_new(2), 1);
	add_buffers(2, 1, 1, 1526);
	assert_int_equal(used_new(2), 1);
	assert_int_equal(lost_in_all(), 0);
}

static void pairs_that_come_into_use(void **state)
{
	(void)state;
	add_buffers(2, 0, 1, 1526);
	give(60);
	assert_int_equal(used_new(2), 0);
	assert_int_equal(command_u16(4, 0, 2), 0);
	assert_int_equal(used_new(2), 1);
}

static void flow_hash(void **state)
{
	static const struct {
		u32 bytes;
		u8 start[16];
		u32 count;
	} cases[] = {
		{14, {0x08, 0x00}, 2},
		{33, {0x08, 0x00, 0x45}, 3},
		{34, {0x08, 0x00, 0x4f}, 3},
		{37, {0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 17}, 12},
		{53, {0x86, 0xdd, 0x60}, 3},
		{54, {0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6}, 9},
		{17, {0x81, 0x00, 0, 1, 0x08, 0x00}, 6},
		{18, {0x81, 0x00, 0, 1, 0x08, 0x00}, 6},
		{38, {0x81, 0x00, 0, 1, 0x08, 0x00, 0x4f}, 7},
	};

	(void)state;
	/* within the frame, and within the table */
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u8 *frame = calloc(1, cases[i].bytes);

		memcpy(frame + 12, cases[i].start, MIN(cases[i].count, cases[i].bytes - 12));
		assert_true(net_flow_of(frame, cases[i].bytes) < VIRTIO_NET_FLOWS);
		free(frame);
	}
}

/* Fragments have no ports to go by. */
static void flow_of_fragments(void **state)
{
	u8 a[60] = {0};
	u8 b[60] = {0};

	(void)state;
	put_tcp4(a, 1, 2, 10, 20);
	put_tcp4(b, 1, 2, 11, 20);
	assert_int_not_equal(net_flow_of(a, 60), net_flow_of(b, 60));
	a[20] = b[20] = 0x20;
	assert_int_equal(net_flow_of(a, 60), net_flow_of(b, 60));
	put_tcp4(a, 1, 2, 10, 20);
	put_tcp4(b, 2, 1, 20, 10);
	assert_int_equal(net_flow_of(a, 60), net_flow_of(b, 60));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(receives),
		TEST(in_batches),
		TEST(waits_for_buffers),
		TEST(merges_buffers),
		TEST(merges_when_there_are_enough),
		TEST(shows_a_frame_whole),
		TEST(frames_too_long),
		TEST(buffers_too_short),
		TEST(headers),
		TEST(wishes),
		TEST(flows_stay_with_their_pair),
		TEST(another_pair_helps_out),
		TEST(pairs_that_come_into_use),
		TEST(flow_hash),
		TEST(flow_of_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
