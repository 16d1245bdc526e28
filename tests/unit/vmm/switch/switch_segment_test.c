/* SPDX-License-Identifier: MIT */
/* Checksums and segments for a receiver that does not do them itself. */
#include "tests/unit/vmm/switch/switch_tcp.h"

static u8 frame[FRAME_BYTES_MAX];
static struct tcp_frame about;

static void completed_for_whom_it_matters(void **state)
{
	static const u32 lengths[] = {0, 1, 2, 7, 31, 32, 33, 63, 64, 65, 1440};
	struct frame_header header;

	(void)state;
	attach(0);
	attach(1);
	for (u32 i = 0; i < 2 * ARRAY_COUNT(lengths); i++) {
		u32 bytes = make_tcp(frame, i % 2 == 1, 0, lengths[i / 2], &about);

		put_frame(0, tcp_header(&about, bytes, 0), frame);
		serve_all();
		assert_true(take_frame(1, &header));
		assert_int_equal(header.bytes, bytes);
		assert_int_equal(header.flags, 0);
		expect_checksums(scratch, bytes, &about);
		assert_memory_equal(scratch, frame, about.transport + 16);
		assert_memory_equal(scratch + about.transport + 18, frame + about.transport + 18,
				    bytes - about.transport - 18);
	}
}

/* A UDP checksum of 0 would say that there is none (RFC 768). */
static void never_zero(void **state)
{
	struct frame_header header;
	u32 bytes = make_tcp(frame, false, 0, 2, &about);

	(void)state;
	attach(0);
	attach(1);
	bytes_put16(frame + about.data, 0);
	bytes_put16(frame + about.data,
		    (u16)~plain_sum(0, frame + about.transport, bytes - about.transport));
	put_frame(0, tcp_header(&about, bytes, 0), frame);
	serve_all();
	assert_true(take_frame(1, &header));
	assert_int_equal(bytes_get16(scratch + about.transport + 16), 0xffff);
}

static void left_to_whom_wished_for_it(void **state)
{
	struct frame_header header;
	u32 bytes = make_tcp(frame, false, 12, 5000, &about);

	(void)state;
	attach(0);
	attach(1);
	wish(1, NET_WISH_CHECKSUM | NET_WISH_TCP4);
	put_frame(0, tcp_header(&about, bytes, 1000), frame);
	serve_all();
	assert_true(take_frame(1, &header));
	assert_int_equal(header.bytes, bytes);
	assert_int_equal(header.flags, FRAME_NEEDS_CHECKSUM);
	assert_int_equal(header.segments, FRAME_TCP4);
	assert_int_equal(header.segment_bytes, 1000);
	assert_int_equal(header.checksum_start, about.transport);
	assert_int_equal(header.checksum_offset, 16);
	assert_int_equal(header.reserved, 0);
	assert_memory_equal(scratch, frame, bytes);
	expect_nothing(1);
}

/* Checks all fields of one segment of what was sent in one piece. */
static void expect_segment(u32 index, u32 number, u32 at, u32 data, bool is_last, u8 flags)
{
	struct frame_header header;
	const u8 *tcp = scratch + about.transport;

	assert_true(take_frame(index, &header));
	assert_int_equal(header.bytes, about.data + data);
	assert_int_equal(header.flags, 0);
	assert_int_equal(header.segments, FRAME_WHOLE);
	expect_checksums(scratch, header.bytes, &about);
	if (about.is_ipv6) {
		assert_int_equal(bytes_get16(scratch + 18), about.data - 54 + data);
	} else {
		assert_int_equal(bytes_get16(scratch + 16), about.data - 14 + data);
		assert_int_equal(bytes_get16(scratch + 18), (u16)(0xfffe + number));
	}
	assert_int_equal(bytes_get32(tcp + 4), 0xffffff00 + at);
	if (!is_last)
		flags &= (u8) ~(TCP_FIN | TCP_PSH);
	if (number != 0)
		flags &= (u8)~TCP_CWR;
	assert_int_equal(tcp[13], flags);
	assert_memory_equal(tcp + 20, frame + about.transport + 20,
			    about.data - about.transport - 20);
	assert_memory_equal(scratch + about.data, frame + about.data + at, data);
}

static void cut(bool is_ipv6, u32 options, u32 data, u16 segment, u8 flags)
{
	u32 bytes = make_tcp(frame, is_ipv6, options, data, &about);
	u32 number = 0;

	frame[about.transport + 13] = flags;
	put_frame(0, tcp_header(&about, bytes, segment), frame);
	serve_all();
	for (u32 at = 0; at < data; at += segment)
		expect_segment(1, number++, at, MIN(segment, data - at), at + segment >= data,
			       flags);
	expect_nothing(1);
}

static void segments(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	for (u32 is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		u16 most = is_ipv6 ? 1440 : 1460;

		cut(is_ipv6, 0, 2 * most, most, 0x10);
		cut(is_ipv6, 0, 2 * most + 1, most, 0xff & ~TCP_NEVER_CUT);
		cut(is_ipv6, 12, 65000, most - 12, 0x19);
		cut(is_ipv6, 40, 65, 64, 0x98);
		cut(is_ipv6, 40, 64 * 64, 64, 0x98);
		cut(is_ipv6, 0, 1000, 333, 0x11);
	}
	assert_int_equal(dropped(1, NET_DROP_FULL), 0);
}

/* A receiver with only one of the two abilities that segmentation takes gets segments. */
static void half_a_wish(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	wish(1, NET_WISH_TCP4);
	cut(false, 0, 4000, 1460, 0x18);
	wish(1, NET_WISH_CHECKSUM | NET_WISH_TCP6);
	cut(false, 0, 4000, 1460, 0x18);
	wish(1, NET_WISH_CHECKSUM | NET_WISH_TCP4);
	cut(true, 0, 4000, 1440, 0x18);
}

/* A frame that fits into one segment is not cut, and its header does not say so. */
static void one_segment(void **state)
{
	struct frame_header header;
	u32 bytes = make_tcp(frame, false, 0, 1460, &about);

	(void)state;
	attach(0);
	attach(1);
	wish(1, NET_WISH_CHECKSUM);
	put_frame(0, tcp_header(&about, bytes, 1460), frame);
	serve_all();
	assert_true(take_frame(1, &header));
	assert_int_equal(header.bytes, bytes);
	assert_int_equal(header.segments, FRAME_WHOLE);
	assert_int_equal(header.segment_bytes, 0);
	assert_int_equal(header.flags, FRAME_NEEDS_CHECKSUM);
}

static void with_a_tag(void **state)
{
	struct frame_header header;
	u32 bytes = make_tcp(frame, false, 0, 3000, &about);

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .vlan = 5});
	attach_port(1, (struct net_port){.mac = MAC(1), .flags = NET_PORT_TRUNK});
	for (u32 wished = 0; wished < 2; wished++) {
		wish(1, wished != 0 ? NET_WISH_CHECKSUM | NET_WISH_TCP4 : 0);
		put_frame(0, tcp_header(&about, bytes, 1460), frame);
		serve_all();
		for (u32 left = 3000; left != 0;) {
			u32 data = wished != 0 ? left : MIN(left, 1460);

			assert_true(take_frame(1, &header));
			assert_int_equal(header.bytes, about.data + data + 4);
			assert_int_equal(bytes_get32(scratch + 12), 0x81000005);
			if (wished != 0)
				assert_int_equal(header.checksum_start, about.transport + 4);
			memmove(scratch + 4, scratch, 12);
			if (wished == 0)
				expect_checksums(scratch + 4, header.bytes - 4, &about);
			assert_memory_equal(scratch + 4 + about.data,
					    frame + about.data + 3000 - left, data);
			left -= data;
		}
	}
}

/* A frame that came with a tag goes without one. */
static void a_tag_that_was_there(void **state)
{
	struct frame_header header;
	u32 bytes;

	(void)state;
	attach_port(0, (struct net_port){.mac = MAC(0), .flags = NET_PORT_TRUNK});
	attach_port(1, (struct net_port){.mac = MAC(1), .vlan = 5});
	bytes = make_tcp(frame + 4, false, 0, 1460, &about) + 4;
	memmove(frame, frame + 4, 12);
	bytes_put32(frame + 12, 0x81000005);
	for (u32 wished = 0; wished < 2; wished++) {
		wish(1, wished != 0 ? NET_WISH_CHECKSUM : 0);
		header = tcp_header(&about, bytes, 0);
		header.checksum_start += 4;
		put_frame(0, header, frame);
		serve_all();
		assert_true(take_frame(1, &header));
		assert_int_equal(header.bytes, bytes - 4);
		if (wished != 0)
			assert_int_equal(header.checksum_start, about.transport);
		else
			expect_checksums(scratch, header.bytes, &about);
	}
}

static void no_room_for_all_segments(void **state)
{
	u32 taken = 0;
	struct frame_header header;

	(void)state;
	attach(0);
	attach(1);
	for (u32 i = 0; i < 20; i++) {
		u32 bytes = make_tcp(frame, false, 0, 60000, &about);

		put_frame(0, tcp_header(&about, bytes, 1460), frame);
		serve_all();
	}
	for (; take_frame(1, &header); taken++)
		expect_checksums(scratch, header.bytes, &about);
	assert_int_equal(shared.net.counts[1].sent_frames, taken);
	assert_true(dropped(1, NET_DROP_FULL) >= 10);
	assert_in_range(taken, 300, 350);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(completed_for_whom_it_matters),
		TEST(never_zero),
		TEST(left_to_whom_wished_for_it),
		TEST(segments),
		TEST(half_a_wish),
		TEST(one_segment),
		TEST(with_a_tag),
		TEST(a_tag_that_was_there),
		TEST(no_room_for_all_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
