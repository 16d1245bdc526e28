/* SPDX-License-Identifier: MIT */
#pragma once

/* A guest's DHCP messages, for unit tests and the fuzzer: good ones, to be spoilt. */
#include "lib/types.h"

#include <string.h>

#define DHCP_IP_AT    14u
#define DHCP_UDP_AT   (DHCP_IP_AT + 20u)
#define DHCP_BODY_AT  (DHCP_UDP_AT + 8u)
#define DHCP_LIST_AT  (DHCP_BODY_AT + 240u)
#define DHCP_LENGTH   (DHCP_LIST_AT + 60u)
#define LEASE_ADDRESS 0x0403070au /* 10.7.3.4, as in a frame */
#define LEASE_MASK    0x0000ffffu
#define LEASE_SERVER  0xfeff070au
#define LEASE_ROUTER  0x0100070au
#define LEASE_DNS     0x0200070au
#define LEASE_XID     0x44332211u

static UNUSED u32 dhcp_request_sum(const u8 *at, u32 bytes, u32 sum)
{
	for (u32 i = 0; i < bytes; i++)
		sum += (u32)at[i] << (i % 2 == 0 ? 8 : 0);
	return sum;
}

static UNUSED u16 dhcp_request_fold(u32 sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

static UNUSED void dhcp_request_put16(u8 *at, u32 value)
{
	at[0] = (u8)(value >> 8);
	at[1] = (u8)value;
}

/* Puts in the checksums of a frame whose IPv4 header has no options and whose lengths are true. */
static UNUSED void dhcp_request_seal(u8 *frame)
{
	u8 *ip = frame + DHCP_IP_AT;
	u32 udp_bytes = (u32)(frame[DHCP_UDP_AT + 4] << 8 | frame[DHCP_UDP_AT + 5]);
	u16 sum;

	dhcp_request_put16(ip + 10, 0);
	dhcp_request_put16(ip + 10, 0xffffu ^ dhcp_request_fold(dhcp_request_sum(ip, 20, 0)));
	dhcp_request_put16(ip + 26, 0);
	sum = dhcp_request_fold(
		dhcp_request_sum(ip + 20, udp_bytes, dhcp_request_sum(ip + 12, 8, 17 + udp_bytes)));
	dhcp_request_put16(ip + 26, 0xffffu ^ sum);
}

/* Makes a message of that kind with these options behind the kind's, DHCP_LENGTH bytes long. */
static UNUSED void dhcp_request_make(u8 *frame, u64 mac, u8 kind, const u8 *options, u32 bytes)
{
	static const u8 head[] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17};
	const u32 xid = LEASE_XID;
	u8 *body = frame + DHCP_BODY_AT;

	memset(frame, 0, DHCP_LENGTH);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, &mac, 6);
	frame[12] = 8;
	memcpy(frame + DHCP_IP_AT, head, sizeof(head));
	memset(frame + DHCP_IP_AT + 16, 0xff, 4);
	dhcp_request_put16(frame + DHCP_IP_AT + 2, DHCP_LENGTH - DHCP_IP_AT);
	dhcp_request_put16(frame + DHCP_UDP_AT, 68);
	dhcp_request_put16(frame + DHCP_UDP_AT + 2, 67);
	dhcp_request_put16(frame + DHCP_UDP_AT + 4, DHCP_LENGTH - DHCP_UDP_AT);
	memcpy(body, "\1\1\6", 3);
	memcpy(body + 4, &xid, 4);
	memcpy(body + 28, &mac, 6);
	memcpy(body + 236, "\x63\x82\x53\x63\x35\1", 6);
	body[242] = kind;
	if (bytes != 0)
		memcpy(body + 243, options, bytes);
	body[243 + bytes] = 255;
	dhcp_request_seal(frame);
}
