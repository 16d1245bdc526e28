/* SPDX-License-Identifier: MIT */
#pragma once

/* TCP frames as guests make them, and a second opinion on checksums. */
#include "tests/unit/vmm/switch/switch_fixture.h"

/* Words of a plain sum, highest byte first, as RFC 1071 has it. */
static UNUSED u32 plain_sum(u32 sum, const u8 *data, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		sum += i % 2 == 0 ? (u32)data[i] << 8 : data[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* What a frame of TCP or UDP says of itself. */
struct tcp_frame {
	u32 ip_bytes;  /* the bytes of the IP header */
	u32 transport; /* the offset in the frame at which the transport header begins */
	u32 data;      /* the offset in the frame at which the data begin */
	bool is_ipv6;
};

/* Returns the sum over the pseudo header. */
static UNUSED u32 pseudo_sum(const u8 *frame, const struct tcp_frame *about, u32 bytes)
{
	const u8 *ip = frame + 14;
	u32 sum = about->is_ipv6 ? plain_sum(0, ip + 8, 32) : plain_sum(0, ip + 12, 8);

	return plain_sum(sum + (about->is_ipv6 ? ip[6] : ip[9]) + bytes, NULL, 0);
}

/*
 * Makes a TCP frame with `options` and `data` bytes; each byte of data depends on its place, and
 * the checksum is left to others.
 */
static UNUSED u32 make_tcp(u8 *frame, bool is_ipv6, u32 options, u32 data, struct tcp_frame *about)
{
	u32 ip_bytes = is_ipv6 ? 40 : 20;
	u32 tcp_length = 20 + options + data;
	u8 *ip = frame + 14;
	u8 *tcp = ip + ip_bytes;

	*about = (struct tcp_frame){.ip_bytes = ip_bytes,
				    .transport = 14 + ip_bytes,
				    .data = 14 + ip_bytes + 20 + options,
				    .is_ipv6 = is_ipv6};
	memset(frame, 0, about->data);
	put_mac(frame, MAC(1));
	put_mac(frame + 6, MAC(0));
	bytes_put16(frame + 12, is_ipv6 ? ETHER_IPV6 : ETHER_IPV4);
	ip[0] = is_ipv6 ? 0x60 : 0x45;
	if (is_ipv6) {
		bytes_put16(ip + 4, (u16)tcp_length);
		ip[6] = 6;
		memset(ip + 8, 0xfd, 32);
	} else {
		bytes_put16(ip + 2, (u16)(ip_bytes + tcp_length));
		bytes_put16(ip + 4, 0xfffe); /* the identifications wrap */
		ip[6] = 0x40;		     /* "do not fragment" */
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
		bytes_put16(ip + 10, (u16)~plain_sum(0, ip, 20));
	}
	bytes_put32(tcp + 4, 0xffffff00); /* the sequence numbers */
	tcp[12] = (u8)((20 + options) / 4 << 4);
	tcp[13] = 0x10;
	memset(tcp + 20, 1, options);
	for (u32 i = 0; i < data; i++)
		frame[about->data + i] = (u8)(i * 7 + i / 251);
	bytes_put16(tcp + 16, (u16)pseudo_sum(frame, about, tcp_length));
	return about->data + data;
}

/* Whether the checksums of a frame that was taken are right. */
static UNUSED void expect_checksums(const u8 *frame, u32 bytes, const struct tcp_frame *about)
{
	u32 length = bytes - about->transport;

	if (!about->is_ipv6)
		assert_int_equal(plain_sum(0, frame + 14, about->ip_bytes), 0xffff);
	assert_int_equal(
		plain_sum(pseudo_sum(frame, about, length), frame + about->transport, length),
		0xffff);
}

/*
 * Returns the header as a guest sends it, with this many bytes of data in each segment; 0: in one
 * piece.
 */
static UNUSED struct frame_header tcp_header(const struct tcp_frame *about, u32 bytes,
					     u16 segment_bytes)
{
	return (struct frame_header){.bytes = bytes,
				     .flags = FRAME_NEEDS_CHECKSUM,
				     .segments = segment_bytes == 0 ? FRAME_WHOLE
						 : about->is_ipv6   ? FRAME_TCP6
								    : FRAME_TCP4,
				     .segment_bytes = segment_bytes,
				     .checksum_start = (u16)about->transport,
				     .checksum_offset = 16};
}
