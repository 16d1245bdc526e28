/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The ports of tests/fuzz/switch.c, and frames that its input makes: near to those that the switch
 * believes. Included there, behind the switch's sources.
 */
#include "tests/fuzz/fuzz.h"

#define PORTS	  4u
#define HONEST	  0u /* the port of an honest sender */
#define READER	  1u /* the port that reads what all ports send, and writes garbage */
#define ADDRESSED 3u /* the port that may have an IPv4 address */
#define ADDRESS	  0x0a00000au
#define MAC(n)	  (0x000000005452ull | (u64)(n) << 40)
#define SECRET	  0x01020304u /* the secret of probes, small so that the fuzzer finds it soon */
/* what a list of egress names: this port, at the reader, which then has that address */
#define LISTED_ADDRESS	     0x0b00000au
#define LISTED_PORT	     443u
#define ROUTER_ADVERTISEMENT (134u << 8) /* with code 0 (RFC 4861, 4.2) */

/* Near to a frame of TCP that the switch may well believe. */
static u32 make_frame(struct fuzz *fuzz, u8 *frame, struct frame_header *header)
{
	bool is_ipv6 = (fuzz_u8(fuzz) & 1) != 0;
	u32 transport = is_ipv6 ? 54 : 34;
	u32 data = fuzz_u16(fuzz) % 8192 >> fuzz_u8(fuzz) % 8;
	u32 bytes = transport + 20 + data;
	bool whole = fuzz_u8(fuzz) % 4 == 0;

	bytes_put16(frame + 12, is_ipv6 ? ETHER_IPV6 : ETHER_IPV4);
	frame[14] = is_ipv6 ? 0x60 : 0x45;
	bytes_put16(frame + (is_ipv6 ? 18 : 16), (u16)(bytes - (is_ipv6 ? 54 : 14)));
	frame[is_ipv6 ? 20 : 23] = IP_TCP;
	frame[transport + 12] = 0x50;
	if (ports[ADDRESSED].listed && !is_ipv6) {
		bytes_put32(frame + 26, __builtin_bswap32(ADDRESS));
		bytes_put32(frame + 30, __builtin_bswap32(LISTED_ADDRESS));
		bytes_put16(frame + 36, LISTED_PORT);
	}
	*header = (struct frame_header){.bytes = bytes,
					.flags = FRAME_NEEDS_CHECKSUM,
					.segments = whole     ? FRAME_WHOLE
						    : is_ipv6 ? FRAME_TCP6
							      : FRAME_TCP4,
					.segment_bytes = fuzz_u16(fuzz) % 1600,
					.checksum_start = (u16)transport,
					.checksum_offset = 16};
	return bytes;
}

/*
 * Makes a neighbour solicitation, which asks for the IPv6 address that is made of the frame's
 * source, or in its place any other message of ICMPv6, such as a router's advertisement.
 */
static void make_solicitation(u8 *frame, struct frame_header *header, u16 message)
{
	static const u8 start[] = {0x60, 0, 0, 0, 0, 24, IP_ICMPV6, SOLICITATION_HOPS};
	static const u8 group[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	u8 *ip = frame + L3_AT;
	u8 *asked = ip + IPV6_BYTES + SOLICITED_AT;

	bytes_put16(frame + ETHER_TYPE_AT, ETHER_IPV6);
	memset(ip, 0, IPV6_BYTES + SOLICITATION_BYTES);
	memcpy(ip, start, sizeof(start));
	memcpy(ip + IPV6_TARGET_AT, group, sizeof(group));
	memcpy(ip + IPV6_TARGET_AT + 13, frame + 9, 3);
	bytes_put16(ip + IPV6_BYTES, message);
	bytes_put16(asked, 0xfe80);
	memcpy(asked + 8, frame + 6, 3);
	bytes_put16(asked + 11, 0xfffe);
	memcpy(asked + 13, frame + 9, 3);
	asked[8] ^= EUI64_UNIVERSAL;
	*header = (struct frame_header){.bytes = L3_AT + IPV6_BYTES + SOLICITATION_BYTES};
}

/* Makes UDP to a port of DHCP, with up to 3 words of options in front of it. */
static void make_lease(u8 *frame, struct frame_header *header, u8 what)
{
	u32 options = what % 4u;

	bytes_put16(frame + ETHER_TYPE_AT, ETHER_IPV4);
	memset(frame + L3_AT, 0, 60);
	frame[L3_AT] = (u8)(0x45 + options);
	frame[L3_AT + IPV4_PROTOCOL_AT] = IP_UDP;
	bytes_put16(frame + L3_AT + 22 + 4 * options, what / 4 % 2 ? 67 : 68);
	*header = (struct frame_header){.bytes = L3_AT + 60};
}

/*
 * Makes a probe as it would come back from somewhere, or what gives other stations an address or a
 * router.
 */
static void make_probe(struct fuzz *fuzz, u8 *frame, struct frame_header *header)
{
	u8 what = fuzz_u8(fuzz);
	u8 number = what % PORTS;
	u64 secret = SECRET + number;

	if (what >= 128)
		return make_solicitation(frame, header,
					 what >= 192 ? ROUTER_ADVERTISEMENT : SOLICITATION);
	if (what >= 96)
		return make_lease(frame, header, what);
	bytes_put_mac(frame, PROBE_GROUP);
	bytes_put16(frame + ETHER_TYPE_AT, PROBE_TYPE);
	bytes_put16(frame + PROBE_NUMBER_AT, number);
	memcpy(frame + PROBE_SECRET_AT, &secret, sizeof(secret));
	*header = (struct frame_header){.bytes = PROBE_BYTES};
}
