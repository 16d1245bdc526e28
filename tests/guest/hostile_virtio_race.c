/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs against a disk: one rewrites descriptors, indices, headers, data, messages and BARs
 * while the other's requests are taken; doorbells without end; resets with requests on their way.
 * ms=N says how long each takes. Afterwards the disk, reset, works.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"
#include "tests/random.h"

#define AP_AT	    0x8000u
#define LIMIT_US    5000000u
#define ALL	    (0x1ffffffffull & ~VIRTIO_RING_EVENT)
#define NOWHERE	    0xe0000000ull
#define ELSEWHERE   0xdf000000u
#define KEY	    0x5eed0123u
#define BYTES	    16384u
#define IN_FLIGHT   (BLK_QUEUES * BLK_SLOTS)
#define MESSAGE_BAR 0x2000u /* the offset of the MSI-X table in the disk's memory BAR */

extern char ap_start[], ap_end[], ap_idt[];
void ap_main(u32 id);

enum order { NOTHING, SAME_REQUESTS, SAME_DOORBELLS, SAME_MESSAGES, SAME_BARS, SAME_COMMAND };

/* The memory that the device may be told to write to, with a request's length behind it. */
static struct {
	struct blk blk; /* the disk's slots come last */
	u8 data[BYTES];
	u8 slack[2 * BYTES];
} arena ALIGNED(4096);
#define blk  arena.blk
#define data arena.data
static u8 late[BYTES] ALIGNED(4096); /* the data of requests that a reset has ended */
/* memory that is in none of the requests, so that no device may write here */
static u32 kept[1024];
static volatile u32 order;
static volatile u32 rounds;
static volatile u32 starts;
static word message_at;
static u64 bar_at;
static u32 storm_us;

static u32 random_next(u64 *state)
{
	return (u32)(random_step(state) >> 16);
}

/* --- the other CPU --- */

/* Lengths, addresses, flags, links, heads: a bit of everything, mostly of what could be right. */
static void change_requests(u64 *state)
{
	const u64 places[] = {(word)data, (word)data, (word)&blk.slot, NOWHERE, 0xfee00000, ~0ull};
	u32 random = random_next(state);
	struct virtq *queue = &blk.queue[random % BLK_QUEUES];
	struct virtq_descriptor *descriptor = &queue->table[random >> 2 & 7];
	struct blk_slot *slot = &blk.slot[random % BLK_QUEUES][random >> 2 & 1];

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
		queue->available.head[random >> 12 & 7] = (u16)(random >> 16 & 15);
		break;
	case 5:
		slot->header.type = random >> 12 & 15;
		break;
	case 6:
		slot->header.sector = (random >> 12 & 7) != 0 ? random >> 12 & 0xff : ~0ull;
		break;
	default:
		slot->indirect[random >> 12 & 1].bytes = random >> 14 & (BYTES - 1);
		data[random >> 12 & (BYTES - 1)] = (u8)random;
	}
}

/* Fixed vectors alone: NMI and INIT would be the guest's own end. */
static void change_messages(u64 *state)
{
	const u32 addresses[] = {0xfee00000, 0xfee00000, 0, 0xfec00000, 0xfeeff00c, ~0u, 0x100000};
	u32 random = random_next(state);

	*register32(message_at) = addresses[random % ARRAY_COUNT(addresses)];
	*register32(message_at + 8) = VECTOR_LOW + (random >> 8 & 0xf);
	*register32(message_at + 12) = random >> 16 & 1;
}

static void change_bars(u64 *state)
{
	const u32 places[] = {ELSEWHERE, (u32)(word)kept, 0xfee00000, 0, 0xe0000000, 0xf0000};

	pci_put(blk.virtio.slot, PCI_BAR + 4 * blk.virtio.common.bar, 4,
		places[random_next(state) % ARRAY_COUNT(places)]);
}

void ap_main(u32 id)
{
	u64 state = RANDOM_SEED + id;

	lapic_enable();
	starts++;
	for (;; rounds++) {
		switch (order) {
		case SAME_REQUESTS:
			change_requests(&state);
			break;
		case SAME_DOORBELLS:
			virtio_put(&blk.virtio.doorbell, 0, 2, random_next(&state) & 7);
			break;
		case SAME_MESSAGES:
			change_messages(&state);
			break;
		case SAME_BARS:
			change_bars(&state);
			break;
		case SAME_COMMAND:
			pci_put(blk.virtio.slot, PCI_COMMAND, 2, random_next(&state) & 7);
			break;
		default:
			relax();
		}
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

/* --- this CPU --- */

static bool is_kept(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		if (kept[i] != KEY + i)
			return false;
	return true;
}

/* Waits until the other CPU has stopped what it was told to do. */
static void stop_other(void)
{
	u32 before = rounds;

	order = NOTHING;
	wait_count(&rounds, before + 2, LIMIT_US);
}

/* BARs and command as they were; reset, the disk reads and writes. */
static bool works(void)
{
	static const u8 text[] = "what is written is read";
	bool good;

	pci_set_bar(blk.virtio.slot, blk.virtio.common.bar, bar_at);
	virtio_find_at(&blk.virtio, blk.virtio.slot);
	virtio_msix_off(&blk.virtio);
	good = blk_begin(&blk, ALL, BLK_NO_VECTOR);
	for (u32 i = 0; i < BYTES; i++)
		data[i] = text[i % sizeof(text)];
	good = good && blk_do(&blk, 1, BLK_OUT, 8, data, BYTES) == BLK_OK;
	for (u32 i = 0; i < BYTES; i++)
		data[i] = 0;
	good = good && blk_do(&blk, 2, BLK_IN, 8, data, BYTES) == BLK_OK;
	for (u32 i = 0; i < BYTES; i++)
		good = good && data[i] == text[i % sizeof(text)];
	return good && is_kept();
}

/*
 * Posts a request in every slot of every queue; queues that have not answered the last requests are
 * left alone.
 */
static void post_all(u32 type, u8 *at)
{
	for (u32 i = 0; i < IN_FLIGHT; i++)
		blk_post(&blk, i / BLK_SLOTS, i % BLK_SLOTS, type, 16 * i, at, BYTES);
}

static void storm(const char *name, enum order what, u64 features, u16 vector)
{
	u32 start = clock_ticks();
	u32 before;

	blk_begin(&blk, features, vector);
	if (vector != BLK_NO_VECTOR)
		virtio_msix(&blk.virtio, vector, VECTOR_LOW);
	before = rounds;
	order = what;
	while (clock_us_since(start) < storm_us) {
		if ((virtio_status(&blk.virtio) & 0xcf) != 0xf)
			blk_begin(&blk, features, vector);
		post_all(BLK_IN, data);
		post_all(BLK_OUT, data);
	}
	check(name, rounds > before, "the other CPU stands still");
	stop_other();
	if (!works())
		fail(name, "the disk is lost, or memory that was not its");
}

/*
 * BARs that move under the driver, or are switched off: its registers are read and written wherever
 * they are. It waits for nothing, because what it writes may not arrive.
 */
static void test_moves(const char *name, enum order what)
{
	u32 start = clock_ticks();
	u32 before = rounds;

	blk_begin(&blk, ALL, BLK_NO_VECTOR);
	order = what;
	while (clock_us_since(start) < storm_us) {
		post_all(BLK_IN, data);
		(void)virtio_status(&blk.virtio);
		(void)*register32(ELSEWHERE);
		*register32(ELSEWHERE + VIRTIO_STATUS) = 0;
	}
	check(name, rounds > before, "the other CPU stands still");
	stop_other();
	if (!works())
		fail(name, "the disk is lost, or memory that was not its");
}

/* Requests that a reset has ended write nothing once new ones are answered. */
static void test_resets(void)
{
	u32 start = clock_ticks();
	u32 wrong = 0;
	u32 count = 0;

	for (; clock_us_since(start) < storm_us || count < 3; count++) {
		blk_begin(&blk, ALL, BLK_NO_VECTOR);
		post_all(BLK_IN, late);
		if (count % 2 == 0)
			virtio_put(&blk.virtio.common, VIRTIO_STATUS, 1, 0);
		blk_begin(&blk, ALL, BLK_NO_VECTOR);
		for (u32 i = 0; i < BYTES; i++)
			late[i] = 0xa5;
		wrong += blk_do(&blk, count % BLK_QUEUES, BLK_IN, 0, data, BLK_SECTOR) != BLK_OK;
		for (u32 i = 0; i < BYTES; i++)
			wrong += late[i] != 0xa5;
		wrong += blk.queue[(count + 1) % BLK_QUEUES].used.index != 0;
	}
	check_equal("resets", wrong, 0);
	check("resets-work", works(), "the disk is lost, or memory that was not its");
}

/*
 * Rings for every queue, also for those that do not exist, by both doorbells, with nothing in the
 * queues.
 */
static void test_doorbells(void)
{
	u32 start = clock_ticks();

	blk_begin(&blk, ALL, BLK_NO_VECTOR);
	order = SAME_DOORBELLS;
	for (u32 i = 0; clock_us_since(start) < storm_us; i++) {
		virtio_put(&blk.virtio.doorbell, 0, 2, i);
		virtio_put(&blk.virtio.doorbell_2, 0, 2, i);
	}
	stop_other();
	check("doorbells", works(), "the disk is lost, or memory that was not its");
}

void guest_main(void)
{
	storm_us = (u32)option_number("ms", 200) * 1000;
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	for (u32 vector = 0x20; vector < 256; vector++)
		trap_set_hook(vector, lapic_end_of_interrupt);
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		kept[i] = KEY + i;
	check("disk", blk_find(&blk, 0), "there is none");
	bar_at = pci_bar(blk.virtio.slot, blk.virtio.common.bar);
	message_at = (word)bar_at + MESSAGE_BAR;
	start_other();
	test_doorbells();
	test_resets();
	storm("requests-change", SAME_REQUESTS, ALL & ~VIRTIO_RING_INDIRECT, BLK_NO_VECTOR);
	storm("indirect-change", SAME_REQUESTS, ALL, BLK_NO_VECTOR);
	interrupts_on();
	storm("messages-change", SAME_MESSAGES, ALL, 0);
	interrupts_off();
	test_moves("command-changes", SAME_COMMAND);
	test_moves("bars-move", SAME_BARS);
}
