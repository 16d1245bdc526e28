/* SPDX-License-Identifier: MIT */
/*
 * Does a virtio network card do all that it offers, for a driver that is not Linux's? Two cards of
 * one network: what one sends the other one gets.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"

#define HEADER	 sizeof(struct net_header)
#define ALL	 (~0ull & ~(VIRTIO_RING_INDIRECT | VIRTIO_RING_EVENT) & 0x1ffffffffull)
#define PLAIN	 (NET_F_MAC | NET_STATUS)
#define LARGE	 2048u
#define MTU	 1500u
#define TCP_DATA 54u /* the offset of the data in a frame of put_tcp */
#define LIMIT_US 5000000u

static struct net a;
static struct net b;
static u8 sent[65550];
static u8 got[65550];
static struct net_header header;

static u32 config(const struct net *net, u32 at, u32 size)
{
	return virtio_get(&net->virtio.device, at, size);
}

/* A frame from a to b, whose bytes differ from each other. */
static void fill(u32 bytes, u8 seed)
{
	for (u32 i = 0; i < bytes; i++)
		sent[i] = (u8)(i * 7 + (i >> 8) + seed);
	for (u32 i = 0; i < NET_MAC; i++) {
		sent[i] = b.mac[i];
		sent[NET_MAC + i] = a.mac[i];
	}
	sent[12] = 0x88; /* the EtherType for local experiments: IEEE 802, table 9-2 */
	sent[13] = 0xb5;
}

static bool is_same(u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		if (got[i] != sent[i])
			return false;
	return true;
}

/* Brings both cards up, without a frame on its way. */
static bool both_up(u64 features, u64 features_of_b, u32 buffer_bytes)
{
	bool good = net_begin(&a, features, LARGE, NET_NO_VECTOR) &&
		    net_begin(&b, features_of_b, buffer_bytes, NET_NO_VECTOR);

	while (net_receive(&b, 0, &header, got, NET_QUIET_US / 10) != 0)
		;
	return good;
}

/* Sends a frame from a; returns how many bytes of it b gets. */
static u32 pass_on(const struct net_header *with, u32 bytes, u32 limit_us)
{
	if (!net_send(&a, 0, with, sent, bytes))
		return 0;
	return net_receive(&b, 0, &header, got, limit_us);
}

static void test_configuration(void)
{
	u32 same = 0;

	check("up", both_up(ALL, ALL, LARGE), "it does not start");
	for (u32 i = 0; i < NET_MAC; i++)
		same += a.mac[i] == b.mac[i];
	check("macs", same < NET_MAC && (a.mac[0] & 1) == 0 && (b.mac[0] & 1) == 0,
	      "no addresses of their own");
	check_equal("status", config(&a, NET_AT_STATUS, 2), 1);
	if (option("bare"))
		return;
	check_equal("pairs", config(&a, NET_AT_PAIRS, 2), NET_PAIRS);
	check_equal("mtu", config(&a, NET_AT_MTU, 2), MTU);
}

static void test_frames(void)
{
	static const u32 lengths[] = {60, 61, 64, 999, 1514};

	for (u32 i = 0; i < ARRAY_COUNT(lengths); i++) {
		fill(lengths[i], (u8)i);
		check_equal("length", pass_on(NULL, lengths[i], LIMIT_US), lengths[i]);
		check("same", is_same(lengths[i]), "other bytes than were sent");
		check("plain", header.flags == 0 && header.gso == 0 && header.buffers == 1,
		      "a header that says something");
	}
	fill(60, 9);
	for (u32 i = 0; i < NET_MAC; i++)
		sent[i] = 0xff;
	check_equal("broadcast", pass_on(NULL, 60, LIMIT_US), 60);
	check_equal("echo", net_receive(&a, 0, &header, got, NET_QUIET_US), 0);
}

/*
 * Sends as many frames at once as b has buffers, and then some: they come in order, and none that
 * had room is lost.
 */
static void test_order(void)
{
	u32 good = 0;

	for (u32 round = 0; round < 5; round++) {
		for (u32 i = 0; i < NET_BUFFERS; i++) {
			fill(60, 0);
			sent[20] = (u8)(round * NET_BUFFERS + i);
			net_send(&a, 0, NULL, sent, 60);
		}
		for (u32 i = 0; i < NET_BUFFERS; i++)
			good += net_receive(&b, 0, &header, got, LIMIT_US) == 60 &&
				got[20] == (u8)(round * NET_BUFFERS + i);
	}
	check_equal("order", good, 5 * NET_BUFFERS);
}

static void test_merged(void)
{
	check("merged-up", both_up(ALL, PLAIN | NET_MRG_RXBUF, 512), "no start");
	fill(1514, 3);
	check_equal("merged", pass_on(NULL, 1514, LIMIT_US), 1514);
	check("merged-same", is_same(1514), "other bytes");
	check_equal("merged-buffers", header.buffers, 3);
	check("unmerged-up", both_up(ALL, PLAIN, 512), "no start");
	fill(1514, 4);
	net_send(&a, 0, NULL, sent, 1514);
	fill(500, 5);
	check_equal("too-long", pass_on(NULL, 500, LIMIT_US), 500);
	check("too-long-same", is_same(500), "another frame");
}

static void put16(u32 at, u32 value)
{
	sent[at] = (u8)(value >> 8);
	sent[at + 1] = (u8)value;
}

static u32 get16(const u8 *bytes, u32 at)
{
	return (u32)bytes[at] << 8 | bytes[at + 1];
}

static u32 sum_of(const u8 *bytes, u32 from, u32 to, u32 sum)
{
	for (u32 i = from; i < to; i += 2)
		sum += (u32)bytes[i] << 8 | (i + 1 < to ? bytes[i + 1] : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Returns the sum of the TCP pseudo-header (RFC 9293, 3.1), of `bytes` with TCP's header. */
static u32 pseudo_sum(const u8 *frame, u32 bytes)
{
	return sum_of(frame, 26, 34, 6 + bytes);
}

/* IPv4 and TCP without options, of so many bytes in all, with the sum that the offload expects. */
static void put_tcp(u32 bytes, u16 from, u16 to)
{
	fill(bytes, 1);
	put16(12, 0x0800);
	for (u32 i = 14; i < TCP_DATA; i++)
		sent[i] = 0;
	sent[14] = 0x45;
	put16(16, bytes - 14);
	sent[22] = 64;
	sent[23] = 6;
	sent[26] = sent[30] = 10;
	sent[29] = 1;
	sent[33] = 2;
	put16(24, ~sum_of(sent, 14, 34, 0) & 0xffff);
	put16(34, from);
	put16(36, to);
	sent[41] = 100; /* the sequence number */
	sent[46] = 0x50;
	sent[47] = 0x18; /* the flags PSH and ACK */
	put16(50, pseudo_sum(sent, bytes - 34));
}

/* Returns the sum over a frame that was received; 0xffff is right. */
static u32 tcp_sum(u32 bytes)
{
	return sum_of(got, 34, bytes, pseudo_sum(got, bytes - 34));
}

static const struct net_header needs_sum = {
	.flags = 1, .checksum_start = 34, .checksum_offset = 16};

static void test_checksums(void)
{
	check("sum-up", both_up(ALL, ALL, LARGE), "no start");
	put_tcp(500, 1000, 80);
	check_equal("sum-kept", pass_on(&needs_sum, 500, LIMIT_US), 500);
	check("sum-kept-header",
	      header.flags == 1 && header.checksum_start == 34 && header.checksum_offset == 16,
	      "the header does not say so");
	check("sum-kept-same", is_same(500), "other bytes");
	check("sum-less-up", both_up(ALL, PLAIN, LARGE), "no start");
	put_tcp(501, 1000, 80);
	check_equal("sum-done", pass_on(&needs_sum, 501, LIMIT_US), 501);
	check_equal("sum-done-header", header.flags, 0);
	check_equal("sum-right", tcp_sum(501), 0xffff);
}

static void test_segments(void)
{
	/* clang-format off */
	const struct net_header large = {.flags = 1, .gso = 1, .header_bytes = TCP_DATA,
					 .segment_bytes = 1000, .checksum_start = 34,
					 .checksum_offset = 16};
	/* clang-format on */
	u32 bytes = TCP_DATA + 8500;
	u32 good = 0;
	u32 data = 0;

	check("large-up", both_up(ALL, ALL, LARGE), "no start");
	put_tcp(bytes, 1000, 80);
	check_equal("large", pass_on(&large, bytes, LIMIT_US), bytes);
	check("large-header",
	      header.gso == 1 && header.segment_bytes == 1000 && header.flags == 1 &&
		      header.header_bytes >= TCP_DATA,
	      "the header does not say so");
	check("large-same", is_same(bytes), "other bytes");
	check("cut-up", both_up(ALL, PLAIN, LARGE), "no start");
	put_tcp(bytes, 1000, 80);
	net_send(&a, 0, &large, sent, bytes);
	for (u32 i = 0; i < 9; i++) {
		u32 length = net_receive(&b, 0, &header, got, LIMIT_US);

		good += length == TCP_DATA + (i < 8 ? 1000 : 500) && tcp_sum(length) == 0xffff &&
			get16(got, 40) == 100 + i * 1000 && get16(got, 16) == length - 14 &&
			sum_of(got, 14, 34, 0) == 0xffff && got[47] == (i < 8 ? 0x10 : 0x18) &&
			got[TCP_DATA + 499] == sent[TCP_DATA + data + 499];
		data += 1000;
	}
	check_equal("cut", good, 9);
	check_equal("cut-end", net_receive(&b, 0, &header, got, NET_QUIET_US), 0);
}

/*
 * Sends what is no frame, or says impossible things of itself: it is dropped, and the next frame
 * arrives.
 */
static void test_bad_frames(void)
{
	static const struct net_header bad[] = {
		{.flags = 1, .checksum_start = 0xffff, .checksum_offset = 0xffff},
		{.flags = 1, .checksum_start = 59, .checksum_offset = 0},
		{.gso = 1, .segment_bytes = 1000},
		{.flags = 1, .gso = 1, .checksum_start = 34, .checksum_offset = 16},
		{.flags = 1, .gso = 3, .segment_bytes = 9, .checksum_start = 34},
		{.flags = 1, .gso = 0xff, .segment_bytes = 9, .checksum_start = 34},
		{.flags = 1, .gso = 1, .segment_bytes = 100, .checksum_start = 14},
		{.flags = 1, .gso = 4, .segment_bytes = 100, .checksum_start = 34},
	};
	u32 taken = 0;

	check("bad-up", both_up(ALL, ALL, LARGE), "no start");
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		fill(60, (u8)i);
		taken += net_send(&a, 0, &bad[i], sent, 60);
	}
	check_equal("bad-taken", taken, ARRAY_COUNT(bad));
	taken = 0;
	for (u32 bytes = 0; bytes < 14; bytes++)
		taken += net_send(&a, 0, NULL, sent, bytes);
	check_equal("short-taken", taken, 14);
	fill(9014, 2);
	check("long-taken", net_send(&a, 0, NULL, sent, MTU + 19), "stuck");
	fill(77, 8);
	check_equal("after-bad", pass_on(NULL, 77, LIMIT_US), 77);
	check("after-bad-same", is_same(77), "one of the bad ones");
	check_equal("bad-status", virtio_status(&a.virtio), 0xf);
}

static void send_to_group(u8 last)
{
	fill(60, 6);
	sent[0] = 0x01;
	sent[1] = 0x00;
	sent[2] = 0x5e;
	sent[3] = sent[4] = 0;
	sent[5] = last;
}

static void test_filters(void)
{
	static const u8 off = 0;
	static const u8 on = 1;
	static const u8 table[] = {0, 0, 0, 0, 1, 0, 0, 0, 0x01, 0, 0x5e, 0, 0, 7};
	const u8 another[] = {0x02, 0, 0, 0, 0, 0x77};

	check("filter-up", both_up(ALL, ALL, LARGE), "no start");
	send_to_group(7);
	check_equal("all", pass_on(NULL, 60, LIMIT_US), 60);
	check_equal("promiscuous-off", net_command(&b, NET_RECEIVE, 0, &off, 1), 0);
	send_to_group(7);
	check_equal("group-off", pass_on(NULL, 60, NET_QUIET_US), 0);
	check_equal("table", net_command(&b, NET_ADDRESS, 0, table, sizeof(table)), 0);
	send_to_group(7);
	check_equal("group-on", pass_on(NULL, 60, LIMIT_US), 60);
	send_to_group(8);
	check_equal("group-other", pass_on(NULL, 60, NET_QUIET_US), 0);
	check_equal("all-groups", net_command(&b, NET_RECEIVE, 1, &on, 1), 0);
	send_to_group(8);
	check_equal("group-any", pass_on(NULL, 60, LIMIT_US), 60);
	check_equal("set-address", net_command(&b, NET_ADDRESS, 1, another, NET_MAC), 0);
	check_equal("address", config(&b, NET_AT_MAC + 5, 1), 0x77);
	fill(60, 1);
	check_equal("old-address", pass_on(NULL, 60, NET_QUIET_US), 0);
	check_equal("unknown-class", net_command(&b, 99, 0, &on, 1), 1);
	check_equal("unknown-command", net_command(&b, NET_VLAN, 9, "\1", 2), 1);
}

/*
 * Sends one frame by a's second pair, and the answer; returns how many bytes of the answer come by
 * that pair.
 */
static u32 answer_by_pair(void)
{
	put_tcp(60, 1000, 80);
	put16(50, 0);
	check("pair-send", net_send(&a, 1, NULL, sent, 60), "stuck");
	check_equal("pair-sent", net_receive(&b, 0, &header, got, LIMIT_US), 60);
	/* the answer: addresses and ports change places */
	put_tcp(60, 80, 1000);
	put16(50, 0);
	for (u32 i = 0; i < NET_MAC; i++) {
		sent[i] = a.mac[i];
		sent[NET_MAC + i] = b.mac[i];
	}
	sent[29] = 2;
	sent[33] = 1;
	net_send(&b, 0, NULL, sent, 60);
	return net_receive(&a, 1, &header, got, LIMIT_US);
}

/*
 * What comes for a flow comes by the pair that has sent on it. This is only a hint, which no saved
 * state has: with `forgets` the monitor may lose it in between, and the frame comes by the first
 * pair.
 */
static void test_pairs(void)
{
	static const u8 two[] = {2, 0};
	static const u8 many[] = {99, 0};
	u32 bytes = 0;

	check("pairs-up", both_up(ALL, ALL, LARGE), "no start");
	check_equal("pairs-set", net_command(&a, NET_PAIRS_SET, 0, two, 2), 0);
	check_equal("pairs-many", net_command(&a, NET_PAIRS_SET, 0, many, 2), 1);
	for (u32 tries = option("forgets") ? 5 : 1; bytes == 0 && tries > 0; tries--)
		bytes = answer_by_pair();
	check_equal("flow", bytes, 60);
}

static void test_interrupts(void)
{
	volatile u32 *const count = &trap_count[VECTOR_IOAPIC];

	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	virtio_msix(&b.virtio, 1, VECTOR_IOAPIC);
	check("interrupt-up",
	      net_begin(&a, ALL, LARGE, NET_NO_VECTOR) &&
		      net_begin(&b, ALL | VIRTIO_RING_EVENT, LARGE, 1),
	      "no start");
	*count = 0;
	interrupts_on();
	fill(60, 1);
	check_equal("interrupt-frame", pass_on(NULL, 60, LIMIT_US), 60);
	check("interrupt", wait_count(count, 1, LIMIT_US), "none");
	b.queue[0].available.used_event = 2; /* the interrupt comes after the third frame */
	pass_on(NULL, 60, LIMIT_US);
	wait_us(NET_QUIET_US);
	check_equal("interrupt-quiet", *count, 1);
	pass_on(NULL, 60, LIMIT_US);
	check("interrupt-third", wait_count(count, 2, LIMIT_US), "none");
	interrupts_off();
	virtio_msix_off(&b.virtio);
}

/* A frame that came before a reset does not come after it. */
static void test_reset(void)
{
	check("reset-up", both_up(ALL, ALL, LARGE), "no start");
	virtio_put(&b.virtio.common, VIRTIO_STATUS, 1, 0);
	fill(60, 1);
	net_send(&a, 0, NULL, sent, 60);
	wait_us(NET_QUIET_US);
	check("reset-again", net_begin(&b, ALL, LARGE, NET_NO_VECTOR), "no start");
	check_equal("reset-stale", net_receive(&b, 0, &header, got, NET_QUIET_US), 0);
	fill(60, 2);
	check_equal("reset-frame", pass_on(NULL, 60, LIMIT_US), 60);
	check("reset-same", is_same(60), "another frame");
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("cards", net_find(&a, 0) && net_find(&b, 1), "there are no two");
	test_configuration();
	test_frames();
	test_order();
	test_merged();
	test_filters();
	test_interrupts();
	if (option("bare")) { /* a hub of QEMU's has no pairs and no offloads */
		absent("pairs");
		absent("offloads");
		return;
	}
	test_pairs();
	test_reset();
	test_checksums();
	test_segments();
	test_bad_frames();
}
