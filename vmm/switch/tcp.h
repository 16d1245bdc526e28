/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Headers of IPv4 (RFC 791, 3.1), IPv6 (RFC 8200, 3) and TCP (RFC 9293, 3.1), and the message of
 * ARP for IPv4 over Ethernet (RFC 826): the offsets of fields.
 */
enum ip_field {
	IPV4_LENGTH_AT = 2,
	IPV4_ID_AT = 4,
	IPV4_FRAGMENT_AT = 6,
	IPV4_PROTOCOL_AT = 9,
	IPV4_CHECKSUM_AT = 10,
	IPV4_ADDRESSES_AT = 12,
	IPV4_SOURCE_AT = IPV4_ADDRESSES_AT,
	IPV4_TARGET_AT = 16,
	IPV6_LENGTH_AT = 4,
	IPV6_NEXT_AT = 6,
	IPV6_ADDRESSES_AT = 8,
};
/* these bits are not 0: more fragments follow, or the packet is not the first fragment */
#define IPV4_FRAGMENT_MASK   0x3fffu
#define IPV4_ADDRESSES_BYTES 8u
#define IPV6_ADDRESSES_BYTES 32u
#define IPV6_BYTES	     40u
#define IP_TCP		     6u
#define IP_UDP		     17u

enum tcp_field {
	TCP_SEQUENCE_AT = 4,
	TCP_BYTES_AT = 12,
	TCP_FLAGS_AT = 13,
	TCP_CHECKSUM_AT = 16,
};
#define TCP_BYTES_MIN 20u

/* The fixed fields of ARP, and the addresses of the sender and of the target behind them. */
enum arp_field {
	ARP_FORM_AT = 0,
	ARP_LENGTHS_AT = 4,
	ARP_KIND_AT = 6,
	ARP_SENDER_MAC_AT = 8,
	ARP_SENDER_AT = 14,
	ARP_TARGET_MAC_AT = 18,
	ARP_TARGET_AT = 24,
};
#define ARP_BYTES   28u
#define ARP_FORM    0x00010800u /* IPv4 over Ethernet */
#define ARP_LENGTHS 0x0604u
#define ARP_REQUEST 1u
#define ARP_REPLY   2u

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_URG = 0x20,
	TCP_CWR = 0x80,
	/* segments with these flags are never cut */
	TCP_NEVER_CUT = TCP_SYN | TCP_RST | TCP_URG,
};

/* Reads an IPv4 address in a frame's order of bytes. */
static inline u32 tcp_ipv4_address(const u8 *at)
{
	u32 address;

	__builtin_memcpy(&address, at, sizeof(address));
	return address;
}

static inline u32 tcp_ipv4_bytes(const u8 *ip)
{
	return (ip[0] & 15u) * 4;
}

static inline u32 tcp_bytes(const u8 *tcp)
{
	return (tcp[TCP_BYTES_AT] >> 4) * 4u;
}
