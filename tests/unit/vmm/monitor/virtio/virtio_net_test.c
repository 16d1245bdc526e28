/* SPDX-License-Identifier: MIT */
/* virtio-net: a guest's frames on their way out, and what it says of them. */
#include "tests/unit/virtio_net_fixture.h"

#define HEADER_BYTES 12u

static void sends(void **state)
{
	struct frame_header header;

	(void)state;
	send(60);
	assert_int_equal(used_new(1), 1);
	assert_int_equal(hear(1), 0);
	assert_int_equal(rings, 2); /* the first signal came as the driver came up */
	header = expect_frame(ram + SEND_AT + HEADER_BYTES, 60);
	assert_int_equal(header.flags, 0);
	assert_int_equal(header.segments, FRAME_WHOLE);
	expect_no_frame();
	assert_int_equal(net.counts.sent_frames, 1);
	assert_int_equal(net.counts.sent_bytes, 60);
}

/* A batch has one signal, and none while the switch has not asked for one. */
static void sends_in_batches(void **state)
{
	const struct net_header header = {0};
	const struct virtio_segment segment = SEGMENT(SEND_AT, HEADER_BYTES + 64);
	u8 *frame = fill_frame(64);

	(void)state;
	memcpy(ram + SEND_AT, &header, sizeof(header));
	assert_true(link_may_wait(&port));
	rings = 0;
	for (u32 i = 0; i < 16; i++)
		add_chain(1, &segment, 1, 1);
	notify(1);
	assert_int_equal(rings, 1);
	assert_int_equal(used_new(1), 16);
	send(64);
	assert_int_equal(rings, 1);
	for (u32 i = 0; i < 17; i++)
		expect_frame(frame, 64);
	expect_no_frame();
}

/* Header and frame may be cut anywhere. */
static void sends_odd_segments(void **state)
{
	const struct virtio_segment segment[] = {
		SEGMENT(SEND_AT, 1),	  SEGMENT(SEND_AT + 1, 10),    SEGMENT(SEND_AT + 11, 14),
		SEGMENT(SEND_AT + 25, 1), SEGMENT(SEND_AT + 26, 1486),
	};
	u8 *frame = fill_frame(1500);
	struct frame_header header;

	(void)state;
	memcpy(ram + SEND_AT,
	       &(struct net_header){.flags = 1, .checksum_start = 34, .checksum_offset = 16},
	       HEADER_BYTES);
	add_chain(1, segment, 5, 5);
	notify(1);
	header = expect_frame(frame, 1500);
	assert_int_equal(header.flags, FRAME_NEEDS_CHECKSUM);
	assert_int_equal(header.checksum_start, 34);
	assert_int_equal(header.checksum_offset, 16);
}

/* The first segment alone would be a frame too; and a table's bytes would be one. */
static void sends_more_than_a_piece(void **state)
{
	const struct virtio_segment segment[] = {SEGMENT(SEND_AT, 100),
						 SEGMENT(SEND_AT + 100, 912)};
	const struct virtio_segment table = SEGMENT(COMMAND_AT, 32);
	u32 at = RINGS_AT + 1 * RINGS_BYTES;
	u8 *frame = fill_frame(1000);

	(void)state;
	memset(ram + SEND_AT, 0, HEADER_BYTES);
	add_chain(1, segment, 2, 2);
	notify(1);
	expect_frame(frame, 1000);
	memcpy(ram + COMMAND_AT, ram + at, 16);
	poke(COMMAND_AT + 14, 1, 2);
	memcpy(ram + COMMAND_AT + 16, ram + at + 16, 16);
	add_chain(1, &table, 1, 1);
	poke(at + 2 * 16 + 12, 4, 2); /* the descriptor is indirect */
	notify(1);
	expect_frame(frame, 1000);
	expect_no_frame();
	assert_int_equal(used_new(1), 2);
}

static void lengths(void **state)
{
	static const struct {
		u32 bytes;
		enum net_loss loss;
	} cases[] = {
		{FRAME_BYTES_MIN, NET_LOSS_COUNT},
		{FRAME_BYTES_MAX, NET_LOSS_COUNT},
		{0, NET_LOSS_SHORT},
		{FRAME_BYTES_MIN - 1, NET_LOSS_SHORT},
		{FRAME_BYTES_MAX + 1, NET_LOSS_LONG},
		{1 * MIB, NET_LOSS_LONG},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 before = cases[i].loss < NET_LOSS_COUNT ? net.counts.lost[cases[i].loss] : 0;

		send(cases[i].bytes);
		assert_int_equal(hear(1), 0);
		if (cases[i].loss == NET_LOSS_COUNT)
			expect_frame(ram + SEND_AT + HEADER_BYTES, cases[i].bytes);
		else
			assert_int_equal(net.counts.lost[cases[i].loss], before + 1);
		expect_no_frame();
		(void)!link_publish(&port);
	}
	for (u32 bytes = 0; bytes < HEADER_BYTES; bytes++) {
		add_chain(1, &SEGMENT(SEND_AT, bytes), 1, 1);
		notify(1);
		assert_int_equal(hear(1), 0);
		expect_no_frame();
	}
	assert_int_equal(net.counts.lost[NET_LOSS_SHORT], 2 + HEADER_BYTES);
	assert_false(needs_reset());
}

/* A header has extreme values, in a frame of 100 bytes. */
static void headers(void **state)
{
	static const struct {
		struct net_header header;
		bool good;
		struct frame_header frame;
	} cases[] = {
		{{.flags = 1, .checksum_start = 34, .checksum_offset = 64},
		 true,
		 {.flags = 1, .checksum_start = 34, .checksum_offset = 64}},
		{{.flags = 1, .checksum_start = 34, .checksum_offset = 65}, false, {0}},
		{{.flags = 1, .checksum_start = 98}, true, {.flags = 1, .checksum_start = 98}},
		{{.flags = 1, .checksum_start = 99}, false, {0}},
		{{.flags = 1, .checksum_start = 0xffff, .checksum_offset = 0xffff}, false, {0}},
		{{.flags = 1, .checksum_start = 0xffff, .checksum_offset = 1}, false, {0}},
		/* without the flag these fields say nothing, and unknown flags neither */
		{{.flags = 0xfe, .checksum_start = 0xffff, .buffer_count = 9, .header_bytes = 77},
		 true,
		 {0}},
		{{.flags = 1, .segmentation = 1, .segment_bytes = 40, .checksum_start = 34},
		 true,
		 {.flags = 1, .segments = FRAME_TCP4, .segment_bytes = 40, .checksum_start = 34}},
		{{.flags = 1, .segmentation = 4, .segment_bytes = 0xffff, .checksum_start = 54},
		 true,
		 {.flags = 1,
		  .segments = FRAME_TCP6,
		  .segment_bytes = 0xffff,
		  .checksum_start = 54}},
		{{.segmentation = 1, .segment_bytes = 40}, false, {0}},
		{{.flags = 1, .segmentation = 1}, false, {0}},
		{{.flags = 1, .segmentation = 3, .segment_bytes = 40}, false, {0}},
		{{.flags = 1, .segmentation = 5, .segment_bytes = 40}, false, {0}},
		{{.flags = 1, .segmentation = 0x81, .segment_bytes = 40}, false, {0}},
		{{.flags = 1, .segmentation = 0xff, .segment_bytes = 40}, false, {0}},
	};
	u64 lost = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		struct frame_header wanted = cases[i].frame;
		struct frame_header got;
		u8 *frame = fill_frame(100);

		send_as(1, &cases[i].header, 100);
		assert_int_equal(hear(1), 0);
		lost += !cases[i].good;
		assert_int_equal(net.counts.lost[NET_LOSS_HEADER], lost);
		if (cases[i].good) {
			wanted.bytes = 100;
			got = expect_frame(frame, 100);
			assert_memory_equal(&got, &wanted, sizeof(got));
		}
		expect_no_frame();
	}
	assert_false(needs_reset());
}

/* None of these features was negotiated. */
static void headers_without_features(void **state)
{
	static const struct net_header header[] = {
		{.flags = 1, .checksum_start = 34, .checksum_offset = 16},
		{.flags = 1, .segmentation = 1, .segment_bytes = 1000, .checksum_start = 34},
		{.flags = 1, .segmentation = 4, .segment_bytes = 1000, .checksum_start = 34},
	};

	teardown(state);
	setup_with(1, 0);
	for (u32 i = 0; i < ARRAY_COUNT(header); i++) {
		(void)fill_frame(100);
		send_as(1, &header[i], 100);
		expect_no_frame();
		assert_int_equal(net.counts.lost[NET_LOSS_HEADER], i + 1);
	}
	send(100);
	expect_frame(ram + SEND_AT + HEADER_BYTES, 100);
	teardown(state);
	setup_with(1, BIT(NET_F_CSUM) | BIT(NET_F_HOST_TSO6));
	send_as(1, &header[1], 100);
	expect_no_frame();
	send_as(1, &header[2], 100);
	expect_frame(ram + SEND_AT + HEADER_BYTES, 100);
}

/* A driver that does not take version 1, as NuttX's: its header ends before buffer_count. */
static void short_header(void **state)
{
	const u32 size = offsetof(struct net_header, buffer_count);
	const struct virtio_segment sent = SEGMENT(SEND_AT, size + 100);
	const struct virtio_segment room = SEGMENT(RECEIVE_AT, 2000);
	u8 *frame = ram + SEND_AT + size;

	teardown(state);
	is_old = true;
	setup_with(1, BIT(NET_F_MAC));
	is_old = false;
	for (u32 i = 0; i < 100; i++)
		frame[i] = (u8)(i * 7);
	add_chain(1, &sent, 1, 1);
	notify(1);
	expect_frame(frame, 100);
	expect_no_frame();
	memset(ram + RECEIVE_AT, 0xee, 200);
	add_chain(0, &room, 1, 0);
	notify(0);
	give(100);
	assert_int_equal(used_new(0), 1);
	assert_int_equal(hear(0), size + 100);
	assert_int_equal(peek(RECEIVE_AT, 8), 0);
	assert_int_equal(peek(RECEIVE_AT + size, NET_MAC_BYTES), OWN_MAC);
	assert_int_equal(ram[RECEIVE_AT + size + 99], pattern(99));
	assert_int_equal(ram[RECEIVE_AT + size + 100], 0xee);
}

static void many(u32 queue, u32 count, u32 bytes)
{
	const struct net_header header = {0};
	const struct virtio_segment segment = SEGMENT(SEND_AT, HEADER_BYTES + bytes);

	(void)fill_frame(bytes);
	memcpy(ram + SEND_AT, &header, sizeof(header));
	for (u32 i = 0; i < count; i++)
		add_chain(queue, &segment, 1, 1);
	notify(queue);
}

/* Frames that do not fit stay in the guest's queue, and go on when half of the ring is free. */
static void waits_for_room(void **state)
{
	u32 sent;
	u32 seen = 0;

	(void)state;
	many(1, 200, 9000);
	sent = used_new(1);
	assert_true(sent >= 50 && sent < 60);
	for (; seen < sent / 4; seen++)
		expect_frame(ram + SEND_AT + HEADER_BYTES, 9000);
	assert_false(link_publish(&port)); /* the room is not worth a signal yet */
	virtio_net_poll_link(&net);
	assert_int_equal(used_new(1), sent);
	for (; seen < sent / 2 + 2; seen++)
		expect_frame(ram + SEND_AT + HEADER_BYTES, 9000);
	assert_true(link_publish(&port));
	virtio_net_poll_link(&net);
	assert_true(used_new(1) > sent);
	while (used_new(1) < 200 || seen < 200) {
		expect_frame(ram + SEND_AT + HEADER_BYTES, 9000);
		seen++;
		if (link_publish(&port))
			virtio_net_poll_link(&net);
	}
	expect_no_frame();
	assert_int_equal(net.counts.sent_frames, 200);
	assert_int_equal(lost_in_all(), 0);
	assert_int_equal(net.full, 0);
}

/* Pairs that wait take turns. */
static void pairs_share_the_room(void **state)
{
	u32 seen = 0;

	(void)state;
	many(1, 250, 9000);
	many(3, 250, 9000);
	assert_int_equal(used_new(3), 0);
	assert_int_equal(net.full, 3);
	while (seen < 400) {
		expect_frame(ram + SEND_AT + HEADER_BYTES, 9000);
		seen++;
		if (link_publish(&port))
			virtio_net_poll_link(&net);
		assert_false(seen == 200 && used_new(3) < 60);
	}
	assert_true(used_new(1) >= 150 && used_new(3) >= 150);
}

/* A call takes as many as the queue has; a guest that goes on is looked at again soon. */
static void bounded(void **state)
{
	(void)state;
	many(1, VIRTIO_NET_QUEUE_SIZE, 14);
	assert_int_equal(used_new(1), VIRTIO_NET_QUEUE_SIZE);
	assert_int_equal(net.virtio.function.device.deadline_ns, 0);
	made[1] = (u16)(made[1] + VIRTIO_NET_QUEUE_SIZE + 1);
	poke(RINGS_AT + RINGS_BYTES + AVAILABLE_AT + 2, made[1], 2);
	platform_tick(&platform, 0);
	assert_true(needs_reset());
}

static void link_down(void **state)
{
	(void)state;
	wire_about()->flags = 0;
	virtio_net_poll_link(&net);
	send(60);
	assert_int_equal(hear(1), 0);
	expect_no_frame();
	assert_int_equal(net.counts.lost[NET_LOSS_NOBODY], 1);
	wire_about()->flags = NET_LINK_UP;
	virtio_net_poll_link(&net);
	send(60);
	expect_frame(ram + SEND_AT + HEADER_BYTES, 60);
}

/* There is no switch, or one that has lied about what it has read. */
static void nobody(void **state)
{
	(void)state;
	wire->generation = 0;
	virtio_net_poll_link(&net);
	send(60);
	assert_int_equal(net.counts.lost[NET_LOSS_NOBODY], 1);
	wire->generation = 7;
	(void)!link_renewed(&port);
	virtio_net_poll_link(&net);
	send(60);
	expect_frame(ram + SEND_AT + HEADER_BYTES, 60);
	wire->line[LINK_SERVER].written = 1; /* the index is no multiple of a frame's place */
	virtio_net_poll_link(&net);
	assert_true(net.end.broken);
	send(60);
	assert_int_equal(net.counts.lost[NET_LOSS_NOBODY], 2);
	assert_int_equal(used_new(1), 3);
}

static bool wants_reset(void)
{
	return (get(STATUS_AT, 1) & VIRTIO_NEEDS_RESET) != 0;
}

/*
 * Pieces of a frame lie at both ends of RAM and over them, in either direction; some lead nowhere.
 */
static void pieces_outside_memory(void **state)
{
	static const struct {
		u64 at;
		u32 bytes;
		bool good;
	} cases[] = {
		{RAM_BYTES - 72, 72, true},	 {RAM_BYTES - 71, 72, false},
		{RAM_BYTES - 1, 72, false},	 {RAM_BYTES, 72, false},
		{RAM_BYTES + 4096, 72, false},	 {~0ull - 10, 72, false},
		{~0ull - 71, 72, false},	 {RAM_BYTES - 4096, ~0u, false},
		{RAM_BYTES - 4096, 4097, false},
	};

	(void)state;
	for (u32 i = 0; i < 2 * ARRAY_COUNT(cases); i++) {
		u32 queue = i % 2;
		const struct virtio_segment segment = {GPA(cases[i / 2].at), cases[i / 2].bytes};

		start_device(ALL_FEATURES);
		notify(queue); /* the queue is up */
		if (cases[i / 2].good)
			memset(ram + cases[i / 2].at, 0, cases[i / 2].bytes);
		add_chain(queue, &segment, 1, queue);
		notify(queue);
		if (queue == 0)
			give(60);
		assert_int_equal(wants_reset(), !cases[i / 2].good);
		assert_int_equal(used_new(queue), cases[i / 2].good);
		while (link_waiting(&port) != 0) {
			struct frame_header header;
			const u8 *frame;

			assert_true(frames_next(&port, &header, &frame));
			frames_drop(&port, &header);
		}
	}
}

#define FAR_HEAD 0x300u /* a head behind the used ring */

/* A head that no entry has, an index too far ahead, a piece for the other direction. */
static void pieces_against_the_rules(void **state)
{
	const struct virtio_segment segment = SEGMENT(SEND_AT, HEADER_BYTES + 60);

	(void)state;
	for (u32 i = 0; i < 6; i++) {
		u32 queue = i % 2;
		u32 at = RINGS_AT + queue * RINGS_BYTES;

		start_device(ALL_FEATURES);
		notify(queue);
		add_chain(queue, &segment, 1, i / 2 == 0 ? 1 - queue : queue);
		if (i / 2 == 1) {
			/* as good a descriptor as that of head 0 */
			memcpy(ram + at + FAR_HEAD * 16, ram + at, 16);
			poke(at + AVAILABLE_AT + 4, FAR_HEAD, 2);
		}
		if (i / 2 == 2)
			poke(at + AVAILABLE_AT + 2, VIRTIO_NET_QUEUE_SIZE + 1, 2);
		notify(queue);
		if (queue == 0)
			give(60);
		/* a frame of no bytes to read is no rule that is broken */
		assert_int_equal(wants_reset(), i / 2 != 0);
		expect_no_frame();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pieces_outside_memory),
		TEST(pieces_against_the_rules),
		TEST(sends),
		TEST(sends_in_batches),
		TEST(sends_odd_segments),
		TEST(sends_more_than_a_piece),
		TEST(lengths),
		TEST(headers),
		TEST(headers_without_features),
		TEST(short_header),
		TEST(waits_for_room),
		TEST(pairs_share_the_room),
		TEST(bounded),
		TEST(link_down),
		TEST(nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
