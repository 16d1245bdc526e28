/* SPDX-License-Identifier: MIT */
/*
 * Guests on one network that measure how it is shared: `flood` sends to the card whose address ends
 * in to= as fast as it may, `count` says at what rate frames come, `ping` when asked how long
 * answers take, `echo` gives them. `order` sends frames with numbers and a pattern to to=, `verify`
 * looks whether those from from= are whole and in order. `reach` as 10.0.2.15 pings 10.0.2.2,
 * which QEMU's and Bochs' networks have, once a second. Each halts while it waits, except for a
 * flood that shall `spin`.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"
#include "tests/random.h"

#define HEADER	      sizeof(struct net_header)
#define FRAME_BYTES   64u
#define PLAIN	      NET_F_MAC
#define SAMPLES	      1000u
#define PATTERN_AT    14u /* the offset of the pattern in a frame */
#define PATTERN_BYTES (FRAME_BYTES - PATTERN_AT)
#define REPORT	      200u /* the frames between two reports */
#define GAP_MS	      2u
#define RECEIVE	      0u /* the number of the receive queue */
#define SEND	      1u

static struct net card;
static u16 posted; /* frames to send, in all */
static u64 sample[SAMPLES];

static bool has_come(void)
{
	return card.queue[RECEIVE].used.index != card.seen[RECEIVE];
}

static bool has_sent(void)
{
	return card.queue[SEND].used.index == posted;
}

static void kick(u32 queue)
{
	asm volatile("" ::: "memory");
	virtio_put(&card.virtio.doorbell, queue * card.virtio.multiplier, 2, queue);
}

static void put_addresses(const u8 *to)
{
	for (u32 i = 0; i < NET_MAC; i++) {
		card.send[HEADER + i] = to[i];
		card.send[HEADER + NET_MAC + i] = card.mac[i];
	}
	/* the EtherType for local experiments: IEEE 802, table 9-2 */
	card.send[HEADER + 12] = 0x88;
	card.send[HEADER + 13] = 0xb5;
}

/* Posts the same frame `count` times, after all frames before were sent. */
static void post(u32 count)
{
	struct virtq *queue = &card.queue[SEND];

	for (u32 i = 0; i < count; i++) {
		queue->table[i] =
			(struct virtq_descriptor){(word)card.send, HEADER + FRAME_BYTES, 0, 0};
		queue->available.head[(queue->available.index + i) % queue->size] = (u16)i;
	}
	asm volatile("" ::: "memory");
	queue->available.index = (u16)(queue->available.index + count);
	posted = (u16)(posted + count);
	kick(SEND);
}

/* The number of the oldest buffer that has come back. */
static u32 oldest(void)
{
	const struct virtq *queue = &card.queue[RECEIVE];

	return queue->used.entry[card.seen[RECEIVE] % queue->size].head % NET_BUFFERS;
}

/* Gives a buffer to the device; a kick has to follow. */
static u32 take(void)
{
	struct virtq *queue = &card.queue[RECEIVE];
	u32 number = oldest();

	card.seen[RECEIVE]++;
	queue->available.head[queue->available.index % queue->size] = (u16)number;
	asm volatile("" ::: "memory");
	queue->available.index++;
	return number;
}

NORETURN static void flood(void)
{
	for (;;) {
		post(card.queue[SEND].size);
		if (!option("spin"))
			wait_for(has_sent);
		while (!has_sent())
			relax();
	}
}

/* Frames in a thousand seconds, each time that so many have come. */
NORETURN static void count(void)
{
	u64 window = option_number("window", 100);
	u32 start = clock_ticks();
	u64 came = 0;

	for (;;) {
		wait_for(has_come);
		while (has_come()) {
			take();
			came++;
		}
		kick(RECEIVE);
		if (came < window)
			continue;
		say("RATE ", came * 1000 * US_PER_S / clock_us_since(start));
		start = clock_ticks();
		came = 0;
	}
}

static u64 answer_ticks(void)
{
	u64 start = read_tsc();
	u64 ticks;

	post(1);
	wait_for(has_come);
	ticks = read_tsc() - start;
	while (has_come())
		take();
	kick(RECEIVE);
	return ticks;
}

/*
 * Prints, for each character that is typed, the median and the 99th percentile of the answers'
 * times, in ticks of the TSC.
 */
NORETURN static void ping(void)
{
	for (;;) {
		char key = typed();

		if (key == 0) {
			wait_gap_ms(GAP_MS);
			continue;
		}
		for (u32 i = 0; i < SAMPLES; i++) {
			wait_gap_ms(GAP_MS);
			sample[i] = answer_ticks();
		}
		say_samples(key, sample, SAMPLES);
	}
}

NORETURN static void echo(void)
{
	for (;;) {
		wait_for(has_come);
		while (has_come()) {
			const u8 *frame = card.buffer[0][take()] + HEADER;

			wait_for(has_sent);
			put_addresses(frame + NET_MAC);
			post(1);
		}
		kick(RECEIVE);
	}
}

/* Writes the number of a frame, and random bytes that follow from the number. */
static void put_pattern(u8 *at, u64 number)
{
	u64 state = number + RANDOM_SEED;

	for (u32 i = 0; i < 8; i++)
		at[i] = (u8)(number >> 8 * i);
	for (u32 i = 8; i < PATTERN_BYTES; i++)
		at[i] = (u8)random_step(&state);
}

NORETURN static void order(void)
{
	for (u64 number = 1;; number++) {
		put_pattern(card.send + HEADER + PATTERN_AT, number);
		post(1);
		wait_for(has_sent);
	}
}

/* Frames may be missing: nobody waits for a receiver. */
NORETURN static void verify(void)
{
	const u8 from = (u8)option_number("from", 0);
	u8 wanted[PATTERN_BYTES];
	u64 came = 0;
	u64 last = 0;

	for (;;) {
		wait_for(has_come);
		for (; has_come(); take()) {
			const u8 *frame = card.buffer[0][oldest()] + HEADER;
			u64 number = 0;

			if (frame[NET_MAC + NET_MAC - 1] != from)
				continue;
			for (u32 i = 8; i-- > 0;)
				number = number << 8 | frame[PATTERN_AT + i];
			put_pattern(wanted, number);
			for (u32 i = 0; i < PATTERN_BYTES; i++)
				if (frame[PATTERN_AT + i] != wanted[i])
					fail("pattern", "changed");
			if (number <= last)
				fail("order", "an older one");
			last = number;
			if (++came % REPORT == 0)
				say("CAME ", came);
		}
		kick(RECEIVE);
	}
}

/* ARP (RFC 826) and ICMP's echo (RFC 792), with all that never changes. */
#define L3_AT	      14u
#define ARP_BYTES     28u
#define ARP_TARGET_AT (L3_AT + 24)
#define ARP_REPLY_AT  (L3_AT + 7) /* the lower byte of the operation */
#define ARP_REPLY     2u
#define IP_BYTES      20u
#define IP_SOURCE_AT  (L3_AT + 12)
#define ICMP_AT	      (L3_AT + IP_BYTES)
#define ICMP_BYTES    (FRAME_BYTES - ICMP_AT)
#define OWN_IP	      10, 0, 2, 15
#define HOST_IP	      10, 0, 2, 2
#define REACH_GAPS    500u /* the gaps of GAP_MS */

static const u8 arp_start[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
static const u8 arp_own[] = {OWN_IP};
static const u8 host[] = {HOST_IP};
static const u8 echo_start[] = {8, 0, 0x45,   0,       0, IP_BYTES + ICMP_BYTES, 0, 0, 0, 0, 64, 1,
				0, 0, OWN_IP, HOST_IP, 8};

static void copy(u8 *to, const u8 *from, u32 count)
{
	for (u32 i = 0; i < count; i++)
		to[i] = from[i];
}

static bool is_same(const u8 *one, const u8 *other, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (one[i] != other[i])
			return false;
	return true;
}

/* Puts the Internet checksum (RFC 1071) into a field. */
static void put_sum(u8 *at, u32 field, u32 count)
{
	u32 sum = 0;

	for (u32 i = 0; i < count; i += 2)
		sum += (u32)at[i] << 8 | at[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	at[field] = (u8)(~sum >> 8);
	at[field + 1] = (u8)~sum;
}

static void ask_for_host(u8 *frame)
{
	copy(frame, (const u8[]){255, 255, 255, 255, 255, 255}, NET_MAC);
	copy(frame + 12, arp_start, sizeof(arp_start));
	copy(frame + 22, card.mac, NET_MAC);
	copy(frame + 28, arp_own, sizeof(arp_own));
	copy(frame + ARP_TARGET_AT, host, sizeof(host));
	post(1);
}

static void ping_host(u8 *frame, const u8 *mac)
{
	for (u32 i = L3_AT; i < FRAME_BYTES; i++)
		frame[i] = 0;
	copy(frame, mac, NET_MAC);
	copy(frame + 12, echo_start, sizeof(echo_start));
	put_sum(frame + L3_AT, 10, IP_BYTES);
	put_sum(frame + ICMP_AT, 2, ICMP_BYTES);
	post(1);
}

/* Waits for an answer for a while; returns the frame with the number that was sent. */
static bool wait_answer(const u8 **frame)
{
	for (u32 i = 0; i < REACH_GAPS && !has_come(); i++)
		wait_gap_ms(GAP_MS);
	if (!has_come())
		return false;
	*frame = card.buffer[0][take()] + HEADER;
	kick(RECEIVE);
	return true;
}

NORETURN static void reach(void)
{
	u8 *own = card.send + HEADER;
	u64 reached = 0;
	const u8 *frame;

	ask_for_host(own);
	for (;;) {
		if (!wait_answer(&frame)) {
			ask_for_host(own);
		} else if (frame[13] == 6 && frame[ARP_REPLY_AT] == ARP_REPLY &&
			   is_same(frame + 28, host, sizeof(host))) {
			ping_host(own, frame + 22);
		} else if (is_same(frame + IP_SOURCE_AT, host, sizeof(host)) &&
			   frame[ICMP_AT] == 0) {
			say("REACHED ", ++reached);
			for (u32 i = 0; i < REACH_GAPS; i++)
				wait_gap_ms(GAP_MS);
			ask_for_host(own);
		}
	}
}

void guest_main(void)
{
	const u8 to[NET_MAC] = {0x52, 0x54, 0, 0, 0, (u8)option_number("to", 0)};

	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("card", net_find(&card, 0), "there is none");
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	virtio_msix(&card.virtio, 1, VECTOR_IOAPIC);
	check("up", net_begin(&card, PLAIN, FRAME_BYTES + HEADER, 1), "it does not start");
	put_addresses(to);
	if (option("flood"))
		flood();
	if (option("ping"))
		ping();
	if (option("count"))
		count();
	if (option("order"))
		order();
	if (option("verify"))
		verify();
	if (option("reach"))
		reach();
	echo();
}
