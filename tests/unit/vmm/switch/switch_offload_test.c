/* SPDX-License-Identifier: MIT */
/* What a sender says of its frame, at its extremes: nobody is told what is not so. */
#include "tests/unit/vmm/switch/switch_tcp.h"

static u8 frame[FRAME_BYTES_MAX];
static struct tcp_frame about;
static u32 bytes;

/* A sender, and a receiver that does all by itself: what it is told is the sender's word. */
static int start(void **state)
{
	setup(state);
	attach(0);
	attach(1);
	wish(1, NET_WISH_CHECKSUM | NET_WISH_TCP4 | NET_WISH_TCP6);
	bytes = make_tcp(frame, false, 0, 4000, &about);
	return 0;
}

static bool passes_as(struct frame_header header)
{
	u64 bad = dropped(0, NET_DROP_BAD) + dropped(0, NET_DROP_TOO_LONG);
	struct frame_header got;
	bool passed;

	put_frame(0, header, frame);
	serve_all();
	passed = take_frame(1, &got);
	assert_int_equal(dropped(0, NET_DROP_BAD) + dropped(0, NET_DROP_TOO_LONG) - bad, !passed);
	return passed;
}

#define EXPECT_PASSES(change)                                                                      \
	do {                                                                                       \
		struct frame_header h = tcp_header(&about, bytes, 1460);                           \
                                                                                                   \
		change;                                                                            \
		assert_true(passes_as(h));                                                         \
	} while (0)
#define EXPECT_BAD(change)                                                                         \
	do {                                                                                       \
		struct frame_header h = tcp_header(&about, bytes, 1460);                           \
                                                                                                   \
		change;                                                                            \
		assert_false(passes_as(h));                                                        \
	} while (0)

static void fields_at_their_edges(void **state)
{
	(void)state;
	EXPECT_PASSES((void)0);
	EXPECT_BAD(h.flags = 0);
	EXPECT_BAD(h.flags = FRAME_CHECKED);
	EXPECT_BAD(h.flags |= 4);
	EXPECT_BAD(h.flags |= 0x80);
	EXPECT_BAD(h.segments = FRAME_TCP6);
	EXPECT_BAD(h.segments = FRAME_SEGMENTS_COUNT);
	EXPECT_BAD(h.segments = 0xff);
	EXPECT_BAD(h.segments = FRAME_WHOLE); /* the frame is too long */
	EXPECT_BAD(h.segment_bytes = 0);
	EXPECT_BAD(h.segment_bytes = OFFLOAD_SEGMENT_MIN - 1);
	EXPECT_PASSES(h.segment_bytes = OFFLOAD_SEGMENT_MIN);
	EXPECT_BAD(h.segment_bytes = 1461);
	EXPECT_BAD(h.segment_bytes = 0xffff);
	EXPECT_BAD(h.checksum_start = 0);
	EXPECT_BAD(h.checksum_start = 33);
	EXPECT_BAD(h.checksum_start = 35);
	EXPECT_BAD(h.checksum_start = 0xffff);
	EXPECT_BAD(h.checksum_offset = 0);
	EXPECT_BAD(h.checksum_offset = 15);
	EXPECT_BAD(h.checksum_offset = 0xffff);
	EXPECT_BAD(h.bytes--);
	EXPECT_BAD(h.bytes++);
	EXPECT_PASSES(h.reserved = ~0u);
}

#define EXPECT_BAD_WITH(place, value)                                                              \
	do {                                                                                       \
		u8 before = frame[place];                                                          \
                                                                                                   \
		frame[place] = (u8)(value);                                                        \
		EXPECT_BAD((void)0);                                                               \
		frame[place] = before;                                                             \
		EXPECT_PASSES((void)0);                                                            \
	} while (0)

static void headers_that_do_not_fit(void **state)
{
	(void)state;
	EXPECT_BAD_WITH(0, frame[0] | 1); /* the frame goes to a group */
	EXPECT_BAD_WITH(13, 6);		  /* the frame has no IP */
	EXPECT_BAD_WITH(14, 0x65);	  /* another version of IP */
	EXPECT_BAD_WITH(14, 0x44);	  /* a header that is too short */
	EXPECT_BAD_WITH(14, 0x46);	  /* or the header ends elsewhere */
	EXPECT_BAD_WITH(14, 0x4f);
	EXPECT_BAD_WITH(17, frame[17] + 1); /* another length */
	EXPECT_BAD_WITH(20, 0x20);	    /* a fragment */
	EXPECT_BAD_WITH(21, 0x01);
	EXPECT_BAD_WITH(23, 17);   /* UDP instead of TCP */
	EXPECT_BAD_WITH(46, 0x40); /* a TCP header that is too short */
	for (u32 flag = 1; flag < 0x100; flag <<= 1) {
		if ((flag & TCP_NEVER_CUT) != 0)
			EXPECT_BAD_WITH(47, 0x10 | flag);
	}
	/* with a longer header the segments are too long for the MTU */
	EXPECT_BAD_WITH(46, 0xf0);
	/* a TCP header that ends behind the frame */
	bytes = make_tcp(frame, false, 0, 39, &about);
	frame[46] = 0xf0;
	EXPECT_BAD(h.segment_bytes = 64);
	bytes = make_tcp(frame, false, 0, 40, &about);
	frame[46] = 0xf0;
	EXPECT_PASSES(h.segment_bytes = 64);
}

static void headers_of_ipv6(void **state)
{
	(void)state;
	bytes = make_tcp(frame, true, 0, 4000, &about);
	EXPECT_BAD(h.segment_bytes = 1441);
	EXPECT_BAD(h.segments = FRAME_TCP4; h.segment_bytes = 1000);
#define tcp_header(a, b, c) tcp_header(a, b, 1440)
	EXPECT_PASSES((void)0);
	EXPECT_BAD(h.segments = FRAME_TCP4);
	EXPECT_BAD(h.checksum_start = 34);
	EXPECT_BAD(h.checksum_start = 62);
	EXPECT_BAD_WITH(13, 0);
	EXPECT_BAD_WITH(14, 0x40);
	EXPECT_BAD_WITH(19, frame[19] + 1);
	EXPECT_BAD_WITH(20, 0); /* hop-by-hop options come first */
	EXPECT_BAD_WITH(20, 17);
#undef tcp_header
}

/* The longest frames and headers pass, with all options. */
static void the_largest(void **state)
{
	(void)state;
	bytes = make_tcp(frame, false, 40, 65535 - 80, &about);
	EXPECT_PASSES(h.segment_bytes = 1420);
	EXPECT_BAD(h.segment_bytes = 1421);
	bytes = make_tcp(frame, true, 40, FRAME_BYTES_MAX - FRAME_TAG_BYTES - 114, &about);
	EXPECT_PASSES(h.segment_bytes = 1400);
	EXPECT_BAD(h.segment_bytes = 1401);
	bytes = make_tcp(frame, true, 40, FRAME_BYTES_MAX - FRAME_TAG_BYTES - 113, &about);
	EXPECT_BAD(h.segment_bytes = 1400);
}

/* Frames in one piece. */
static void checksums_only(void **state)
{
#define tcp_header(a, b, c) tcp_header(a, b, 0)
	(void)state;
	bytes = make_tcp(frame, false, 0, 500, &about);
	EXPECT_PASSES((void)0);
	EXPECT_PASSES(h.checksum_start = 40); /* the checksum of a packet inside */
	EXPECT_PASSES(h.checksum_start = 190; h.checksum_offset = 0);
	EXPECT_BAD(h.checksum_start = 190; h.checksum_offset = 1);
	EXPECT_BAD(h.checksum_start = 191; h.checksum_offset = 0);
	EXPECT_BAD(h.checksum_start = 192; h.checksum_offset = 0);
	EXPECT_BAD(h.checksum_start = 193; h.checksum_offset = 0xffff);
	EXPECT_BAD(h.checksum_offset = 0xfffe);
	EXPECT_PASSES(h.checksum_offset = 156);
	EXPECT_BAD(h.checksum_offset = 157);
	/* never in the fields on which decisions were based: addresses, the IP header */
	for (u16 at = 0; at < 34; at++)
		EXPECT_BAD(h.checksum_start = at; h.checksum_offset = 0);
	bytes = make_tcp(frame, false, 0, 0, &about);
	EXPECT_PASSES((void)0);
	EXPECT_PASSES(h.checksum_offset = 18);
	EXPECT_BAD(h.checksum_offset = 19);
	EXPECT_BAD(h.bytes = 51);
	EXPECT_PASSES(h.bytes = 52);
	EXPECT_BAD(h.bytes = 33);
	EXPECT_BAD(h.bytes = 14);
	bytes_put16(frame + 12, ETHER_ARP);
	EXPECT_BAD((void)0);
	bytes_put16(frame + 12, ETHER_IPV6);
	EXPECT_BAD((void)0);
#undef tcp_header
}

static void whose_word_counts(void **state)
{
	const struct frame_header header = {.bytes = 60, .flags = FRAME_CHECKED};
	struct frame_header got;

	(void)state;
	attach_uplink(2);
	put_frame(0, header, frame);
	put_mac(frame + 6, BEHIND(2));
	put_frame(2, header, frame);
	serve_all();
	assert_true(take_frame(1, &got));
	assert_int_equal(got.flags, 0);
	assert_true(take_frame(1, &got));
	assert_int_equal(got.flags, FRAME_CHECKED);
	expect_nothing(1);
}

/* Flags that say nothing do no harm: other fields are not passed on. */
static void fields_without_flags(void **state)
{
	const struct frame_header header = {.bytes = 60,
					    .segment_bytes = 5,
					    .checksum_start = 0xffff,
					    .checksum_offset = 0xfff0,
					    .reserved = ~0u};
	static const struct frame_header plain = {.bytes = 60};
	struct frame_header got;

	(void)state;
	put_frame(0, header, frame);
	serve_all();
	assert_true(take_frame(1, &got));
	assert_memory_equal(&got, &plain, sizeof(got));
}

/* The sender changes the frame behind the copied part while it is cut: nothing but its data is. */
static void rewritten_later(void **state)
{
	struct frame_header got;
	u8 *ring = (u8 *)peers[0].memory + PAGE_SIZE + sizeof(struct frame_header);
	struct frame_header header = tcp_header(&about, bytes, 1460);

	(void)state;
	put_frame(0, header, frame);
	forward_take(&ports[0], &header, ring);
	memset(ring, 0xff, 100);
	assert_true(vlan_enter(&packet) && source_is_allowed(&packet));
	assert_int_equal(offload_check(&packet, &header, MTU), NET_PASSED);
	wish(1, 0);
	assert_int_equal(forward_send(), NET_PASSED);
	port_publish();
	assert_true(take_frame(1, &got));
	expect_checksums(scratch, got.bytes, &about);
	assert_memory_equal(scratch + about.data, frame + about.data, 100);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_at_their_edges), TEST(headers_that_do_not_fit), TEST(headers_of_ipv6),
		TEST(the_largest),	     TEST(checksums_only),	    TEST(whose_word_counts),
		TEST(fields_without_flags),  TEST(rewritten_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
