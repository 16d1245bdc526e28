/* SPDX-License-Identifier: MIT */
/*
 * Guests on one network that measure how it is shared: `flood` sends to the card whose address ends
 * in to= as fast as it may, `count` says at what rate frames come, `ping` when asked how long
 * answers take, `echo` gives them. `order` sends frames with numbers and a pattern to to=, `verify`
 * looks whether those from from= are whole and in order. Each halts while it waits, except for a
 * flood that shall `spin`.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"
#include "tests/random.h"

#define HEADER	    sizeof(struct net_header)
#define FRAME_BYTES 64u
#define PLAIN	    NET_F_MAC
#define SAMPLES	    1000u
#define PATTERN_AT  14u /* in a frame */
#define PATTERN_BYTES (FRAME_BYTES - PATTERN_AT)
#define REPORT	    200u /* frames */
#define GAP_MS	    2u
#define RECEIVE	    0u /* queues */
#define SEND	    1u

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
	card.send[HEADER + 12] = 0x88; /* for local experiments: IEEE 802, table 9-2 */
	card.send[HEADER + 13] = 0xb5;
}

/* The same frame so often, all that were there before having been sent. */
static void post(u32 count)
{
	struct virtq *queue = &card.queue[SEND];

	for (u32 i = 0; i < count; i++) {
		queue->table[i] = (struct virtq_descriptor){(word)card.send,
							    HEADER + FRAME_BYTES, 0, 0};
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

/* Gives it to the device; a kick has to follow. */
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
 * For each character that is typed the median and the 99th percentile of so many answers, in ticks
 * of the TSC.
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

/* The number of a frame, and what follows from it. */
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
	echo();
}
