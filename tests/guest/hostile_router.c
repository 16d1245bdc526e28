/* SPDX-License-Identifier: MIT */
/*
 * A guest that plays a router and a server of addresses by IPv6 for its neighbours on both of its
 * networks: each second each of its cards sends the same frames, plain ones, and some that hide
 * from whoever looks only at a plain packet. Whoever counts what arrives, and looks what a Linux
 * there believes, decides.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"

#define CARDS	     2u
#define L3_AT	     14u
#define IPV6_BYTES   40u
#define L4_AT	     (L3_AT + IPV6_BYTES)
#define SOURCE_AT    (L3_AT + 8)
#define TARGET_AT    (L3_AT + 24)
#define ADDRESS	     16u
#define OPTION_BYTES 8u
#define FRAME_MAX    128u
#define ICMPV6	     58u
#define UDP	     17u
/* the kinds of headers between that of IPv6 and ICMPv6's (RFC 8200, 4) */
#define HOP_BY_HOP  0u
#define FRAGMENT    44u
#define DESTINATION 60u

enum shape {
	PLAIN,
	TO_ONE,	 /* for one card, not for all */
	BEHIND,	 /* a header more, of the kind `header` */
	TAGGED,	 /* behind a VLAN tag that has a priority alone (802.1Q, 9.6) */
	IN_LLC,	 /* behind a header of LLC and SNAP (RFC 1042) */
	AS_IPV4, /* by the type that the frame says it has */
	AS_OTHER /* from another card's address */
};

struct attempt {
	const char *name;
	const u8 *message;
	u32 bytes;
	u8 protocol;
	u8 header;
	enum shape shape;
};

/* The prefix 2001:db8:bad::/64 for a day, from a router for half an hour (RFC 4861, 4.2). */
static const u8 advertisement[48] = {
	134, 0,	   0,	 0, 64, 0,    0x07, 0x08,	 [16] = 3, 4,	 64,   0xc0, 0,
	1,   0x51, 0x80, 0, 1,	0x51, 0x80, [32] = 0x20, 0x01,	   0x0d, 0xb8, 0x0b, 0xad,
};
/* 2001:db8:bad::9 is reached by fe80::bad (4.5). */
static const u8 redirect[40] = {
	137, [8] = 0xfe, 0x80, [22] = 0x0b, 0xad, 0x20, 0x01, 0x0d, 0xb8, 0x0b, 0xad, [39] = 9,
};
/* fe80::1 is here, whoever had it before (4.4). */
static const u8 neighbour[32] = {
	136, [4] = 0xa0, [8] = 0xfe, 0x80, [23] = 1, 2, 1, 0x52, 0x54, 0, 0, 0, 0x0f,
};
/* UDP from 547 to 546: DHCPv6's ADVERTISE, with a name server (RFC 8415, 8; RFC 3646, 3). */
static const u8 lease[32] = {
	2, 0x23, 2, 0x22, 0,	32,   0,    0,	  2,	1,    2,	3,
	0, 23,	 0, 16,	  0x20, 0x01, 0x0d, 0xb8, 0x0b, 0xad, [31] = 9,
};

#define ADVERTISEMENT advertisement, sizeof(advertisement), ICMPV6
static const struct attempt attempts[] = {
	{"advertisement", ADVERTISEMENT, 0, PLAIN},
	{"advertisement to one", ADVERTISEMENT, 0, TO_ONE},
	{"advertisement behind hops", ADVERTISEMENT, HOP_BY_HOP, BEHIND},
	{"advertisement behind options", ADVERTISEMENT, DESTINATION, BEHIND},
	{"advertisement in a fragment", ADVERTISEMENT, FRAGMENT, BEHIND},
	{"advertisement behind a tag", ADVERTISEMENT, 0, TAGGED},
	{"advertisement in LLC", ADVERTISEMENT, 0, IN_LLC},
	{"advertisement as IPv4", ADVERTISEMENT, 0, AS_IPV4},
	{"advertisement as another", ADVERTISEMENT, 0, AS_OTHER},
	{"redirect", redirect, sizeof(redirect), ICMPV6, 0, PLAIN},
	{"neighbour", neighbour, sizeof(neighbour), ICMPV6, 0, PLAIN},
	{"lease", lease, sizeof(lease), UDP, 0, PLAIN},
};

static struct net cards[CARDS];
static u8 frame[FRAME_MAX];

static void copy(u8 *to, const u8 *from, u32 count)
{
	for (u32 i = 0; i < count; i++)
		to[i] = from[i];
}

/* Moves the frame's bytes from `at` on, so that there is room for `count` others. */
static void insert(u32 at, const u8 *bytes, u32 count)
{
	for (u32 i = FRAME_MAX; i-- > at + count;)
		frame[i] = frame[i - count];
	copy(frame + at, bytes, count);
}

/* Adds up words of 16 bits of the frame, as a checksum of the Internet does (RFC 1071). */
static u32 sum_of(u32 at, u32 count)
{
	u32 sum = 0;

	for (u32 i = 0; i < count; i += 2)
		sum += (u32)frame[at + i] << 8 | frame[at + i + 1];
	return sum;
}

/* Puts the checksum into the message, over it and IPv6's pseudo-header (RFC 8200, 8.1). */
static void put_sum(const struct attempt *attempt)
{
	u32 at = L4_AT + (attempt->protocol == UDP ? 6 : 2);
	u32 sum = attempt->protocol + attempt->bytes + sum_of(SOURCE_AT, 2 * ADDRESS) +
		  sum_of(L4_AT, attempt->bytes);

	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	frame[at] = (u8)(~sum >> 8);
	frame[at + 1] = (u8)~sum;
}

/* A packet from fe80::1 to all nodes, whose hops say that no router has sent it on. */
static void make_plain(const struct net *card, const struct attempt *attempt)
{
	static const u8 to[] = {0x33, 0x33, 0, 0, 0, 1};
	static const u8 source[ADDRESS] = {0xfe, 0x80, [15] = 1};
	static const u8 target[ADDRESS] = {0xff, 2, [15] = 1};

	for (u32 i = 0; i < FRAME_MAX; i++)
		frame[i] = 0;
	copy(frame, to, NET_MAC);
	copy(frame + NET_MAC, card->mac, NET_MAC);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	frame[L3_AT] = 0x60;
	frame[L3_AT + 5] = (u8)attempt->bytes;
	frame[L3_AT + 6] = attempt->protocol;
	frame[L3_AT + 7] = 255;
	copy(frame + SOURCE_AT, source, ADDRESS);
	copy(frame + TARGET_AT, target, ADDRESS);
	copy(frame + L4_AT, attempt->message, attempt->bytes);
	put_sum(attempt);
}

/* Gives the frame its shape, and returns its length. */
static u32 give_shape(const struct attempt *attempt)
{
	static const u8 one[] = {0x52, 0x54, 0, 0, 0, 5};
	static const u8 tag[] = {0x81, 0, 0xe0, 0};
	static const u8 snap[] = {0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd};
	/* the next header's kind, and options of padding alone; a fragment that is all there is */
	const u8 option[OPTION_BYTES] = {attempt->protocol, 0, attempt->header != FRAGMENT,
					 attempt->header != FRAGMENT ? 4 : 0};
	u32 bytes = L4_AT + attempt->bytes;

	switch (attempt->shape) {
	case TO_ONE:
		copy(frame, one, NET_MAC);
		return bytes;
	case BEHIND:
		frame[L3_AT + 5] = (u8)(frame[L3_AT + 5] + OPTION_BYTES);
		frame[L3_AT + 6] = attempt->header;
		insert(L4_AT, option, OPTION_BYTES);
		return bytes + OPTION_BYTES;
	case TAGGED:
		insert(12, tag, sizeof(tag));
		return bytes + sizeof(tag);
	case IN_LLC:
		frame[12] = 0;
		frame[13] = (u8)(bytes - L3_AT + sizeof(snap));
		insert(L3_AT, snap, sizeof(snap));
		return bytes + sizeof(snap);
	case AS_IPV4:
		frame[12] = 8;
		frame[13] = 0;
		return bytes;
	case AS_OTHER:
		copy(frame + NET_MAC, one, NET_MAC);
		return bytes;
	case PLAIN:
		return bytes;
	}
	return bytes;
}

static void try_all(struct net *card)
{
	for (u32 i = 0; i < ARRAY_COUNT(attempts); i++) {
		u32 bytes;

		make_plain(card, &attempts[i]);
		bytes = give_shape(&attempts[i]);
		if (!net_send(card, 0, NULL, frame, bytes))
			fail(attempts[i].name, "the device does not take it");
	}
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	for (u32 i = 0; i < CARDS; i++) {
		check("card", net_find(&cards[i], i), "there is none");
		check("begin", net_begin(&cards[i], NET_F_MAC, NET_BUFFER_BYTES, NET_NO_VECTOR),
		      "it does not start");
	}
	say("TRIES ", ARRAY_COUNT(attempts));
	for (;;) {
		for (u32 i = 0; i < CARDS; i++)
			try_all(&cards[i]);
		wait_gap_ms(1000);
	}
}
