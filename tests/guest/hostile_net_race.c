/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs against a network card: one rewrites descriptors, indices, headers and frames while the
 * other has the device send and receive. ms=N says how long; then the card, reset, sends. Nothing
 * but its buffers may have been written to.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"
#include "tests/random.h"

#define AP_AT	 0x8000u
#define LIMIT_US 5000000u
#define NOWHERE	 0xe0000000ull
#define KEY	 0x5eed0123u
#define ALL	 (0x1ffffffffull & ~VIRTIO_RING_EVENT & ~VIRTIO_RING_INDIRECT & ~NET_MQ)
#define QUEUES	 3u /* the card's queues: to receive, to send, of commands */

extern char ap_start[], ap_end[], ap_idt[];
void ap_main(u32 id);

/*
 * The memory behind the card's buffers, into which a frame may be put by a length that was changed.
 */
static struct {
	struct net card;
	u8 slack[2 * 65536];
} arena ALIGNED(4096);
#define card arena.card
static u32 kept[1024]; /* memory that is in none of the descriptors */
static volatile u32 changes;
static volatile u32 rounds;
static volatile u32 starts;

static void change(u64 *state)
{
	const u64 places[] = {(word)card.send, (word)card.buffer, (word)card.buffer,
			      NOWHERE,	       0xfee00000,	  ~0ull};
	u32 random = (u32)(random_step(state) >> 16);
	struct virtq *queue = &card.queue[random % QUEUES];
	struct virtq_descriptor *descriptor = &queue->table[random >> 4 & (VIRTQ_SIZE - 1)];

	switch (random >> 8 & 7) {
	case 0:
		descriptor->address = places[(random >> 12) % ARRAY_COUNT(places)];
		break;
	case 1:
		descriptor->bytes = (random >> 12 & 7) != 0 ? random >> 12 & 0xfff : ~0u;
		break;
	case 2:
		descriptor->flags = (u16)(random >> 12 & 7);
		break;
	case 3:
		descriptor->next = (u16)(random >> 12 & 15);
		break;
	case 4:
		queue->available.head[random >> 12 & (VIRTQ_SIZE - 1)] = (u16)(random >> 16 & 15);
		break;
	case 5:
		queue->available.index = (u16)(queue->available.index + (random >> 12 & 15));
		break;
	case 6: /* flags, segments, lengths and offsets of the header */
		card.send[random >> 12 & 15] = (u8)(random >> 16 & 7);
		break;
	default: /* addresses, type, IP and TCP headers */
		card.send[sizeof(struct net_header) + (random >> 12 & 63)] = (u8)(random >> 20);
	}
}

void ap_main(u32 id)
{
	u64 state = RANDOM_SEED + id;

	lapic_enable();
	starts++;
	for (;; rounds++) {
		if (changes != 0)
			change(&state);
		else
			relax();
	}
}

static void start_other(void)
{
	u8 *at = (u8 *)(word)AP_AT;

	for (word i = 0; i < (word)(ap_end - ap_start); i++)
		at[i] = (u8)ap_start[i];
	asm volatile("sidt (%0)" ::"r"(ap_idt) : "memory");
	lapic_put(LAPIC_ICR_HIGH, 1u << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, APIC_INIT << APIC_DELIVERY_SHIFT | (u32)LAPIC_ICR_ASSERT);
	wait_us(10000);
	lapic_put(LAPIC_ICR_HIGH, 1u << LAPIC_XAPIC_ID_SHIFT);
	lapic_put(LAPIC_ICR, APIC_SIPI << APIC_DELIVERY_SHIFT | AP_AT >> 12);
	check("ap-start", wait_count(&starts, 1, LIMIT_US), "it does not come");
}

/* Tells the device that there is something in each queue, whatever stands there. */
static void kick_all(void)
{
	for (u32 i = 0; i < QUEUES; i++) {
		card.queue[i].available.index++;
		virtio_put(&card.virtio.doorbell, i * card.virtio.multiplier, 2, i);
	}
}

static bool works(void)
{
	static const u8 frame[64] = {0x52, 0x54, 0, 0, 0, 2};

	if (!net_begin(&card, NET_F_MAC, NET_BUFFER_BYTES, NET_NO_VECTOR))
		return false;
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		if (kept[i] != KEY + i)
			return false;
	return net_send(&card, 0, NULL, frame, sizeof(frame));
}

void guest_main(void)
{
	u32 storm_us = (u32)option_number("ms", 200) * 1000;
	u32 resets = 0;
	u32 start;
	u32 before;

	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		kept[i] = KEY + i;
	check("card", net_find(&card, 0), "there is none");
	start_other();
	check("begin", net_begin(&card, ALL, NET_BUFFER_BYTES, NET_NO_VECTOR), "it does not start");
	before = rounds;
	changes = 1;
	for (start = clock_ticks(); clock_us_since(start) < storm_us;) {
		/* a broken queue needs a reset */
		if ((virtio_status(&card.virtio) & 0xcf) != 0xf) {
			resets++;
			(void)net_begin(&card, ALL, NET_BUFFER_BYTES, NET_NO_VECTOR);
		}
		kick_all();
	}
	check("other", rounds > before, "the other CPU stands still");
	check("resets", resets > 0, "the device has not noticed anything");
	changes = 0;
	before = rounds;
	wait_count(&rounds, before + 2, LIMIT_US);
	check("works", works(), "the card is lost, or memory that was not its");
}
