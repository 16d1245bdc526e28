/* SPDX-License-Identifier: MIT */
/*
 * A guest at 10.0.2.15 that tries to get round its list of egress, which names TCP to port 443 of
 * 10.0.2.5 alone: each frame but the first two is one that the list forbids, sent to the card at
 * 52:54:00:00:00:05 or to the neighbour at :06. Whoever counts what arrives there decides.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"

#define L3_AT	    14u
#define PORT_AT	    (L3_AT + 22)
#define BYTES	    74u
#define ARP_BYTES   42u
#define LARGE_BYTES (L3_AT + 5000u)
#define CHANGE_MAX  4u

/* A frame that differs from one that is listed: its length, and bytes at offsets. */
struct attempt {
	const char *name;
	u32 bytes;
	u32 count; /* the number of bytes that differ */
	struct {
		u8 at;
		u8 value;
	} change[CHANGE_MAX];
};

static const u8 listed[] = {
	0x52, 0x54, 0,	0,  0, 5, 0x52, 0x54, 0,  0,   0, 0x0f, 8,  0, /* to the host, IPv4 */
	0x45, 0,    0,	60, 0, 0, 0,	0,    64, 6,   0, 0,	10, 0,
	2,    15,   10, 0,  2, 5, 0x10, 0,    1,  187, /* from port 4096 to port 443 */
};
static const u8 question[] = {
	255, 255,  255,	 255, 255, 255, 0x52, 0x54, 0, 0, 0,  0x0f, 8, 6, 0, 1, 8, 0,  6, 4, 0,
	1,   0x52, 0x54, 0,   0,   0,	0x0f, 10,   0, 2, 15, 0,    0, 0, 0, 0, 0, 10, 0, 2, 5,
};

static const struct attempt packets[] = {
	{"port", BYTES, 1, {{PORT_AT + 1, 80}}},
	{"udp", BYTES, 1, {{L3_AT + 9, 17}}},
	{"tunnel", BYTES, 1, {{L3_AT + 9, 4}}},
	{"another host", BYTES, 1, {{L3_AT + 19, 6}}},
	{"a neighbour's MAC", BYTES, 1, {{5, 6}}},
	{"a neighbour", BYTES, 2, {{5, 6}, {L3_AT + 19, 6}}},
	{"a first fragment", BYTES, 1, {{L3_AT + 6, 0x20}}},
	{"a later fragment", BYTES, 1, {{L3_AT + 7, 8}}},
	{"an option", BYTES, 1, {{L3_AT, 0x46}}},
	{"a short header", BYTES, 1, {{L3_AT, 0x44}}},
	{"version 6", BYTES, 1, {{L3_AT, 0x65}}},
	{"a long packet", BYTES, 1, {{L3_AT + 3, 61}}},
	{"a tail", BYTES, 1, {{L3_AT + 3, 59}}},
	{"a short packet", 38, 1, {{L3_AT + 3, 24}}},
	{"a frame of IPv6", BYTES, 2, {{12, 0x86}, {13, 0xdd}}},
	{"another type", BYTES, 2, {{12, 0x88}, {13, 0xb5}}},
	{"a length for a type", BYTES, 2, {{12, 0}, {13, 60}}},
	{"a VLAN", BYTES, 4, {{12, 0x81}, {13, 0}, {14, 0}, {15, 5}}},
	{"another's MAC", BYTES, 1, {{11, 6}}},
	{"another's address", BYTES, 1, {{L3_AT + 15, 16}}},
	{"a group", BYTES, 4, {{1, 0}, {0, 1}, {2, 0x5e}, {5, 1}}},
	{"a broadcast",
	 BYTES,
	 4,
	 {{L3_AT + 16, 255}, {L3_AT + 17, 255}, {L3_AT + 18, 255}, {L3_AT + 19, 255}}},
};

static const struct attempt questions[] = {
	{"ARP for a neighbour", ARP_BYTES, 1, {{41, 6}}},
	{"ARP for anybody", ARP_BYTES, 1, {{38, 192}}},
	{"ARP as another", ARP_BYTES, 1, {{31, 16}}},
	{"ARP with a message", 60, 1, {{50, 1}}},
	{"ARP that is long", 200, 1, {{60, 0}}},
	{"ARP to a group", ARP_BYTES, 1, {{0, 1}}},
	{"RARP", ARP_BYTES, 1, {{21, 3}}},
};

static struct net card;
static u8 frame[LARGE_BYTES];

static void copy(u8 *to, const u8 *from, u32 count)
{
	for (u32 i = 0; i < count; i++)
		to[i] = from[i];
}

static void make(const u8 *from, u32 count)
{
	for (u32 i = 0; i < sizeof(frame); i++)
		frame[i] = 0;
	copy(frame, from, count);
	frame[L3_AT + 32] = from == listed ? 0x50 : 0; /* TCP's header has 20 bytes */
}

static void send(const char *name, const struct net_header *header, u32 bytes)
{
	check(name, net_send(&card, 0, header, frame, bytes), "the device does not take it");
}

static void try_all(const struct attempt *attempts, u32 count, const u8 *from, u32 bytes)
{
	for (u32 i = 0; i < count; i++) {
		make(from, bytes);
		for (u32 c = 0; c < attempts[i].count; c++)
			frame[attempts[i].change[c].at] = attempts[i].change[c].value;
		send(attempts[i].name, NULL, attempts[i].bytes);
	}
}

/* What the device is to cut, or to put a checksum into. */
static void try_offloads(void)
{
	struct net_header header = {.flags = 1,
				    .gso = 1,
				    .header_bytes = L3_AT + 40,
				    .segment_bytes = 1000,
				    .checksum_start = L3_AT + 20,
				    .checksum_offset = 16};

	make(listed, sizeof(listed));
	frame[L3_AT + 2] = 5000 >> 8;
	frame[L3_AT + 3] = 5000 & 0xff;
	frame[PORT_AT + 1] = 80;
	send("segments", &header, LARGE_BYTES);
	/* a checksum over the port, which would make another one of it */
	make(listed, sizeof(listed));
	header.gso = 0;
	header.checksum_offset = 2;
	send("a checksum over the port", &header, BYTES);
	/* over the address to which the packet goes */
	header.checksum_start = L3_AT;
	header.checksum_offset = 16;
	send("a checksum over an address", &header, BYTES);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("card", net_find(&card, 0), "there is none");
	check("begin",
	      net_begin(&card, NET_F_MAC | NET_CSUM | NET_HOST_TSO4, NET_BUFFER_BYTES,
			NET_NO_VECTOR),
	      "it does not start");
	make(question, sizeof(question));
	send("ARP for the host", NULL, ARP_BYTES);
	make(listed, sizeof(listed));
	send("the listed packet", NULL, BYTES);
	try_all(packets, ARRAY_COUNT(packets), listed, sizeof(listed));
	try_all(questions, ARRAY_COUNT(questions), question, sizeof(question));
	try_offloads();
	say("TRIED ", ARRAY_COUNT(packets) + ARRAY_COUNT(questions) + 3);
	for (;;) /* its port is there, and counted, for as long as it runs */
		wait_gap_ms(1000);
}
