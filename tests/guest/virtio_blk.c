/* SPDX-License-Identifier: MIT */
/*
 * Does a virtio disk do all that it offers, for a driver that is not Linux's? Two disks: `data`,
 * which can be written, and behind it a read-only one. Also rng and console, for what they have in
 * common with it.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"

#define SHORT_US  20000u
#define LIMIT_US  5000000u
#define PIN_FIRST 16u
#define BYTES	  16384u
#define ALL	  (~0ull & ~(VIRTIO_RING_INDIRECT | VIRTIO_RING_EVENT) & 0x1ffffffffull)
#define UNMAP	  1u

static struct blk blk;
static struct blk fixed;
static u8 wrote[BYTES] ALIGNED(512);
static u8 got[BYTES] ALIGNED(512);
static u64 sectors;
static volatile u32 *const count = &trap_count[VECTOR_IOAPIC];

static void fill(u8 seed)
{
	for (u32 i = 0; i < BYTES; i++) {
		wrote[i] = (u8)(i * 7 + (i >> 9) + seed);
		got[i] = 0;
	}
}

static bool is_same(u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		if (got[i] != wrote[i])
			return false;
	return true;
}

static bool is_zero(u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		if (got[i] != 0)
			return false;
	return true;
}

static u32 config(const struct blk *disk, u32 at, u32 size)
{
	return virtio_get(&disk->virtio.device, at, size);
}

static void test_configuration(void)
{
	check("up", blk_begin(&blk, ALL, BLK_NO_VECTOR), "it does not start");
	sectors = config(&blk, BLK_CAPACITY, 4) | (u64)config(&blk, BLK_CAPACITY + 4, 4) << 32;
	check_equal("capacity", sectors, option_number("sectors", 8192));
	check_equal("block", config(&blk, BLK_BLK_SIZE, 4), BLK_SECTOR);
	check_equal("queues", config(&blk, BLK_NUM_QUEUES, 2), BLK_QUEUES);
	check("segments", config(&blk, BLK_SEG_MAX, 4) >= 1, "none");
	check("ranges",
	      config(&blk, BLK_MAX_DISCARD, 4) != 0 && config(&blk, BLK_MAX_ZEROES, 4) != 0,
	      "no sectors");
	check_equal("offered",
		    blk.features & (BLK_F_RO | BLK_F_DISCARD | BLK_F_WRITE_ZEROES | BLK_F_MQ),
		    BLK_F_DISCARD | BLK_F_WRITE_ZEROES | BLK_F_MQ);
}

static void test_requests(void)
{
	fill(1);
	check_equal("write", blk_do(&blk, 0, BLK_OUT, 3, wrote, BYTES), BLK_OK);
	check_equal("written-bytes", blk.queue[0].used.entry[0].written, 1);
	check_equal("flush", blk_do(&blk, 0, BLK_FLUSH, 0, NULL, 0), BLK_OK);
	check_equal("read", blk_do(&blk, 0, BLK_IN, 3, got, BYTES), BLK_OK);
	check_equal("read-bytes", blk.queue[0].used.entry[2].written, BYTES + 1);
	check("same", is_same(BYTES), "other bytes than were written");
	check_equal("last", blk_do(&blk, 0, BLK_OUT, sectors - 1, wrote, BLK_SECTOR), BLK_OK);
	check_equal("behind", blk_do(&blk, 0, BLK_IN, sectors, got, BLK_SECTOR), BLK_IOERR);
	check_equal("across-end", blk_do(&blk, 0, BLK_IN, sectors - 1, got, 1024), BLK_IOERR);
	check_equal("wraps", blk_do(&blk, 0, BLK_IN, ~0ull, got, 1024), BLK_IOERR);
	check_equal("half-sector", blk_do(&blk, 0, BLK_IN, 0, got, 100), BLK_IOERR);
	check_equal("unknown", blk_do(&blk, 0, 99, 0, NULL, 0), BLK_UNSUPP);
}

static u8 do_range(u32 type, u64 sector, u32 length, u32 flags)
{
	struct blk_range range = {sector, length, flags};

	return blk_do(&blk, 0, type, 0, &range, sizeof(range));
}

static void test_ranges(void)
{
	fill(2);
	blk_do(&blk, 0, BLK_OUT, 64, wrote, BYTES);
	check_equal("zeroes", do_range(BLK_WRITE_ZEROES, 65, 2, 0), BLK_OK);
	blk_do(&blk, 0, BLK_IN, 65, got, 1024);
	check("zeroed", is_zero(1024), "not zero");
	blk_do(&blk, 0, BLK_IN, 64, got, BLK_SECTOR);
	check("before", is_same(BLK_SECTOR), "zeroed, too");
	blk_do(&blk, 0, BLK_IN, 67, got, BLK_SECTOR);
	check_equal("after", got[5], wrote[3 * BLK_SECTOR + 5]);
	check_equal("zeroes-unmap", do_range(BLK_WRITE_ZEROES, 67, 1, UNMAP), BLK_OK);
	check_equal("discard", do_range(BLK_DISCARD, 70, 8, 0), BLK_OK);
	check_equal("discard-behind", do_range(BLK_DISCARD, sectors, 1, 0), BLK_IOERR);
	check_equal("discard-across", do_range(BLK_DISCARD, sectors - 1, 2, 0), BLK_IOERR);
	check_equal("discard-flag", do_range(BLK_DISCARD, 70, 8, UNMAP), BLK_UNSUPP);
	blk_do(&blk, 0, BLK_IN, 69, got, BLK_SECTOR);
	check_equal("discard-before", got[7], wrote[5 * BLK_SECTOR + 7]);
}

static void test_name(void)
{
	static const char wanted[] = "data";

	fill(3);
	check_equal("get-id", blk_do(&blk, 0, BLK_GET_ID, 0, got, 20), BLK_OK);
	for (u32 i = 0; i < sizeof(wanted); i++)
		wrote[i] = (u8)wanted[i];
	check("serial", is_same(sizeof(wanted)), "another name");
}

static void test_read_only(void)
{
	check("fixed-up", blk_begin(&fixed, ALL, BLK_NO_VECTOR), "it does not start");
	check("fixed-offered", (fixed.features & BLK_F_RO) != 0, "not read-only");
	fill(4);
	check_equal("fixed-read", blk_do(&fixed, 0, BLK_IN, 0, got, BLK_SECTOR), BLK_OK);
	check_equal("fixed-write", blk_do(&fixed, 0, BLK_OUT, 0, wrote, BLK_SECTOR), BLK_IOERR);
	for (u32 i = 0; i < BLK_SECTOR; i++)
		wrote[i] = got[i];
	check_equal("fixed-again", blk_do(&fixed, 0, BLK_IN, 0, got, BLK_SECTOR), BLK_OK);
	check("fixed-same", is_same(BLK_SECTOR), "it was written to");
}

/* Two requests in each queue at once: each answered once, in its own queue. */
static void test_queues(void)
{
	u32 good = 0;

	fill(5);
	for (u32 i = 0; i < BLK_QUEUES * BLK_SLOTS; i++)
		blk_post(&blk, i / 2, i % 2, BLK_OUT, 200 + i, wrote + i * BLK_SECTOR, BLK_SECTOR);
	for (u32 i = 0; i < BLK_QUEUES * BLK_SLOTS; i++)
		good += blk_wait(&blk, i / 2);
	check_equal("queues-write", good, BLK_QUEUES * BLK_SLOTS);
	for (u32 i = 0; i < BLK_QUEUES * BLK_SLOTS; i++)
		blk_post(&blk, i / 2, i % 2, BLK_IN, 200 + i, got + i * BLK_SECTOR, BLK_SECTOR);
	for (u32 i = 0; i < BLK_QUEUES * BLK_SLOTS; i++)
		good += blk_wait(&blk, i / 2) && blk.slot[i / 2][i % 2].status == BLK_OK;
	check_equal("queues-read", good, 2 * BLK_QUEUES * BLK_SLOTS);
	check("queues-same", is_same(BLK_QUEUES * BLK_SLOTS * BLK_SECTOR), "mixed up");
	for (u32 i = 0; i < BLK_QUEUES; i++)
		good -= blk.queue[i].used.index == blk.seen[i];
	check_equal("queues-once", good, 2 * BLK_QUEUES * BLK_SLOTS - BLK_QUEUES);
}

static void test_indirect(void)
{
	check("indirect-up", blk_begin(&blk, ALL | VIRTIO_RING_INDIRECT, BLK_NO_VECTOR),
	      "no start");
	fill(6);
	check_equal("indirect-write", blk_do(&blk, 1, BLK_OUT, 9, wrote, 4096), BLK_OK);
	check_equal("indirect-read", blk_do(&blk, 1, BLK_IN, 9, got, 4096), BLK_OK);
	check("indirect-same", is_same(4096), "other bytes");
}

/* Event indices, and messages: the device interrupts when it is asked to, and not before. */
static void test_events(void)
{
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	virtio_msix(&blk.virtio, 0, VECTOR_IOAPIC);
	*count = 0;
	interrupts_on();
	check("event-up", blk_begin(&blk, ALL | VIRTIO_RING_EVENT, 0), "no start");
	blk_do(&blk, 0, BLK_IN, 0, got, BLK_SECTOR);
	check("event-first", wait_count(count, 1, LIMIT_US), "no interrupt");
	blk.queue[0].available.used_event = 2; /* the interrupt comes after the third answer */
	blk_do(&blk, 0, BLK_IN, 0, got, BLK_SECTOR);
	wait_us(SHORT_US);
	check_equal("event-quiet", *count, 1);
	blk_do(&blk, 0, BLK_IN, 0, got, BLK_SECTOR);
	check("event-third", wait_count(count, 2, LIMIT_US), "no interrupt");
	wait_us(SHORT_US);
	check_equal("event-once", *count, 2);
	check_equal("event-wish", blk.queue[0].used.available_event, 3);
	interrupts_off();
	virtio_msix_off(&blk.virtio);
}

static void msix_control(u32 value)
{
	u32 cap = pci_capability(blk.virtio.slot, PCI_CAP_MSIX, 0);

	pci_put(blk.virtio.slot, cap + PCI_MSIX_CONTROL, 2, value);
}

static void test_messages(void)
{
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	virtio_msix(&blk.virtio, 1, VECTOR_IOAPIC);
	*count = 0;
	interrupts_on();
	check("msix-up", blk_begin(&blk, ALL, 1), "no start");
	check_equal("msix-read", blk_do(&blk, 2, BLK_IN, 0, got, BLK_SECTOR), BLK_OK);
	check("msix", wait_count(count, 1, LIMIT_US), "no message");
	msix_control(PCI_MSIX_ENABLE | PCI_MSIX_MASKED);
	check_equal("masked-read", blk_do(&blk, 2, BLK_IN, 0, got, BLK_SECTOR), BLK_OK);
	wait_us(SHORT_US);
	check_equal("masked", *count, 1);
	msix_control(PCI_MSIX_ENABLE);
	check("unmasked", wait_count(count, 2, LIMIT_US), "the message is lost");
	interrupts_off();
	virtio_msix_off(&blk.virtio);
}

static void end_pin(struct trap_frame *frame)
{
	(void)virtio_get(&blk.virtio.isr, 0, 1);
	lapic_end_of_interrupt(frame);
}

static void test_pin(void)
{
	u32 pin = PIN_FIRST + blk.virtio.slot % 8;

	(void)virtio_get(&blk.virtio.isr, 0, 1);
	trap_set_hook(VECTOR_IOAPIC, end_pin);
	ioapic_route(pin, VECTOR_IOAPIC | IOAPIC_ENTRY_LEVEL);
	*count = 0;
	interrupts_on();
	check("pin-up", blk_begin(&blk, ALL, BLK_NO_VECTOR), "no start");
	check_equal("pin-read", blk_do(&blk, 3, BLK_IN, 0, got, BLK_SECTOR), BLK_OK);
	check("pin", wait_count(count, 1, LIMIT_US), "no interrupt");
	wait_us(SHORT_US);
	check_equal("pin-once", *count, 1);
	interrupts_off();
	ioapic_route(pin, IOAPIC_ENTRY_MASKED);
}

/* Uses queues of other sizes than the largest. */
static void test_sizes(void)
{
	static const u32 sizes[] = {4, 8};
	u32 good = 0;

	for (u32 i = 0; i < ARRAY_COUNT(sizes); i++) {
		virtio_begin(&blk.virtio, VIRTIO_VERSION_1);
		blk.features = VIRTIO_VERSION_1;
		blk.seen[0] = 0;
		good += virtio_add_queue_of(&blk.virtio, 0, &blk.queue[0], BLK_NO_VECTOR, sizes[i]);
		good += virtio_get(&blk.virtio.common, VIRTIO_QUEUE_SIZE, 2) == sizes[i];
		virtio_start(&blk.virtio);
		for (u32 k = 0; k < 10; k++) /* round the ring */
			good += blk_do(&blk, 0, BLK_IN, k, got, BLK_SECTOR) == BLK_OK;
	}
	check_equal("sizes", good, 12 * ARRAY_COUNT(sizes));
}

/*
 * Resets the device with requests on their way: it forgets them, and writes nothing of them any
 * more.
 */
static void test_reset(void)
{
	const struct virtio_place *common = &blk.virtio.common;
	u16 used;

	check("reset-up", blk_begin(&blk, ALL, BLK_NO_VECTOR), "no start");
	for (u32 i = 0; i < BLK_QUEUES * BLK_SLOTS; i++)
		blk_post(&blk, i / 2, i % 2, BLK_IN, 0, got, BYTES);
	virtio_put(common, VIRTIO_STATUS, 1, 0);
	while (virtio_status(&blk.virtio) != 0)
		relax();
	used = blk.queue[3].used.index;
	for (u32 i = 0; i < BYTES; i++)
		got[i] = 0xa5;
	wait_us(SHORT_US);
	check_equal("reset-rings", blk.queue[3].used.index, used);
	check("reset-memory", got[0] == 0xa5 && got[BYTES - 1] == 0xa5, "written after a reset");
	check("reset-again", blk_begin(&blk, ALL, BLK_NO_VECTOR), "no start");
	fill(7);
	check_equal("reset-write", blk_do(&blk, 0, BLK_OUT, 40, wrote, 4096), BLK_OK);
	check_equal("reset-read", blk_do(&blk, 0, BLK_IN, 40, got, 4096), BLK_OK);
	check("reset-same", is_same(4096), "other bytes");
}

/* 3.1.1, 2.1: which status follows which. */
static bool may_follow(u8 from, u8 to)
{
	static const u8 order[] = {0, 1, 3, 0xb, 0xf};

	if (to == (from | 0x80))
		return true;
	for (u32 i = 0; i + 1 < ARRAY_COUNT(order); i++)
		if (from == order[i] && (to == order[i + 1] || (i == 0 && to == 3)))
			return true;
	return false;
}

/* To a status by the ways of the specification, without a queue. */
static void go_to(u8 status)
{
	virtio_begin(&blk.virtio, VIRTIO_VERSION_1); /* 0xb */
	if (status == 0xf)
		virtio_put(&blk.virtio.common, VIRTIO_STATUS, 1, 0xf);
	if (status == 0xb || status == 0xf)
		return;
	virtio_put(&blk.virtio.common, VIRTIO_STATUS, 1, 0);
	for (u8 at = 1; at <= status; at = (u8)(2 * at + 1))
		virtio_put(&blk.virtio.common, VIRTIO_STATUS, 1, at);
	if (status == 3) { /* the driver bit is set, so that FEATURES_OK may follow */
		virtio_put(&blk.virtio.common, VIRTIO_DRIVER_SELECT, 4, 1);
		virtio_put(&blk.virtio.common, VIRTIO_DRIVER_FEATURE, 4, 1);
	}
}

static void test_statuses(void)
{
	static const u8 from[] = {0, 1, 3, 0xb, 0xf};
	u32 wrong = 0;

	for (u32 i = 0; i < ARRAY_COUNT(from); i++)
		for (u32 to = 1; to < 256; to++) {
			u8 then = (u8)((to & ~0x40u) | from[i]); /* a bit that is left out stays */

			go_to(from[i]);
			virtio_put(&blk.virtio.common, VIRTIO_STATUS, 1, to);
			wrong += virtio_status(&blk.virtio) !=
				 (may_follow(from[i], then) ? then : from[i]);
		}
	check_equal("statuses", wrong, 0);
}

/* The registers of queues stand still once the driver is up. */
static void test_fixed_registers(void)
{
	const struct virtio_place *common = &blk.virtio.common;
	u32 before[4][16];
	u32 changed = 0;

	blk_begin(&blk, ALL, BLK_NO_VECTOR);
	for (u32 queue = 0; queue < BLK_QUEUES; queue++) {
		virtio_put(common, VIRTIO_QUEUE_SELECT, 2, queue);
		for (u32 i = 6; i < 14; i++)
			before[queue][i] = virtio_get(common, 4 * i, 4);
	}
	for (u32 queue = 0; queue < 0x10000; queue += queue < 8 ? 1 : 0x1fff) {
		virtio_put(common, VIRTIO_QUEUE_SELECT, 2, queue);
		virtio_put(common, VIRTIO_QUEUE_SIZE, 2, 2);
		virtio_put(common, VIRTIO_QUEUE_ENABLE, 2, 0);
		for (u32 at = VIRTIO_QUEUE_TABLE; at < VIRTIO_QUEUE_USED + 8; at += 4)
			virtio_put(common, at, 4, 0x1000);
	}
	for (u32 queue = 0; queue < BLK_QUEUES; queue++) {
		virtio_put(common, VIRTIO_QUEUE_SELECT, 2, queue);
		for (u32 i = 6; i < 14; i++)
			changed += before[queue][i] != virtio_get(common, 4 * i, 4);
	}
	check_equal("registers", changed, 0);
	check_equal("registers-read", blk_do(&blk, 3, BLK_IN, 0, got, BLK_SECTOR), BLK_OK);
}

static void test_console(void)
{
	static const char text[] = "PASS console-queue\nPASS console-indirect\n";
	static struct virtio console;
	static struct virtq queue;
	static struct virtq_descriptor table[2] ALIGNED(16);
	u32 start = clock_ticks();

	check("console", virtio_find(&console, 3), "there is none");
	check("console-up",
	      virtio_begin(&console, VIRTIO_VERSION_1 | VIRTIO_RING_INDIRECT) != 0 &&
		      virtio_add_queue(&console, 1, &queue, BLK_NO_VECTOR) &&
		      virtio_start(&console),
	      "no start");
	queue.table[0] = (struct virtq_descriptor){(word)text, 10, VIRTQ_NEXT, 1};
	queue.table[1] = (struct virtq_descriptor){(word)text + 10, 9, 0, 0};
	virtio_submit(&console, 1, &queue, 0);
	table[0] = (struct virtq_descriptor){(word)text + 19, 5, VIRTQ_NEXT, 1};
	table[1] = (struct virtq_descriptor){(word)text + 24, sizeof(text) - 25, 0, 0};
	queue.table[2] = (struct virtq_descriptor){(word)table, sizeof(table), VIRTQ_INDIRECT, 0};
	virtio_submit(&console, 1, &queue, 2);
	while (queue.used.index != 2 && clock_us_since(start) < LIMIT_US)
		relax();
	check_equal("console-answers", queue.used.index, 2);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("disks", blk_find(&blk, 0) && blk_find(&fixed, 1), "there are no two");
	test_configuration();
	test_requests();
	test_ranges();
	test_name();
	test_read_only();
	test_queues();
	test_indirect();
	test_events();
	test_messages();
	test_sizes();
	test_reset();
	if (option("bare")) { /* another board has other wires and rules */
		absent("pin");
		absent("statuses");
		absent("registers");
		absent("console");
		return;
	}
	test_pin();
	test_statuses();
	test_fixed_registers();
	test_console();
}
