/* SPDX-License-Identifier: MIT */
/*
 * Breaks every rule of the rings and of the devices behind them, one at a time: disk, rng, console.
 * Each time the answer is an error or DEVICE_NEEDS_RESET; reset, the device works.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"

#define RNG	     4u
#define CONSOLE	     3u
#define RAM_END	     (32ull * 1024 * 1024)
#define NOWHERE	     0xe0000000ull /* an address without RAM: the ECAM */
#define NEEDS_RESET  0x100u
#define ANYTHING     0x200u
#define STATUS_NEEDS 0x40u
#define UNTOUCHED    0xeeu
#define ANSWER_US    200000u
#define ALL	     (0x1ffffffffull & ~VIRTIO_RING_EVENT)
#define KEY	     0x5eed0123u
#define SHOWN_MAX    65536u
#define OUTPUT_BYTES 70000u
#define AT(thing)    ((u64)(word)(thing))

static struct blk blk;
static struct virtio rng;
static struct virtio console;
static struct virtq ring;
static u8 data[8192] ALIGNED(4096);
static struct virtq_descriptor table[16] ALIGNED(16);
static u8 output[OUTPUT_BYTES];
/* memory that is in none of the requests, so that no device may write here */
static u32 kept[1024];
static u64 sectors;

static bool is_kept(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		if (kept[i] != KEY + i)
			return false;
	return true;
}

static void keep(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		kept[i] = KEY + i;
}

/* Returns whether the disk works after a reset. */
static bool works(void)
{
	return blk_begin(&blk, ALL, BLK_NO_VECTOR) &&
	       blk_do(&blk, 0, BLK_IN, 0, data, BLK_SECTOR) == BLK_OK && is_kept();
}

/* Waits until the device has answered or asks for a reset. */
static u32 outcome(const struct virtio *device, const struct virtq *queue,
		   const volatile u8 *status)
{
	u32 start = clock_ticks();

	while (queue->used.index == 0 && clock_us_since(start) < ANSWER_US)
		if ((virtio_status(device) & STATUS_NEEDS) != 0)
			return NEEDS_RESET;
	return queue->used.index == 0 ? (u32)BLK_NO_ANSWER : *status;
}

static void expect_outcome(const char *name, u32 got, u32 wanted)
{
	if (wanted != ANYTHING)
		check_equal(name, got, wanted);
	if (!works())
		fail(name, "reset, it does not work");
}

/* --- chains: header, data and status of a read, and what is wrong with them --- */

#define HEADER                                                                                     \
	{                                                                                          \
		AT(&blk.slot[0][0].header), 16, VIRTQ_NEXT, 1                                      \
	}
#define STATUS(i)                                                                                  \
	{                                                                                          \
		AT(&blk.slot[0][0].status), 1, VIRTQ_WRITE, i                                      \
	}
#define NEXT_WRITE (VIRTQ_NEXT | VIRTQ_WRITE)

static void offer_chain(const char *name, const struct virtq_descriptor *chain, u32 count,
			bool indirect, u32 wanted)
{
	blk_begin(&blk, indirect ? ALL : ALL & ~VIRTIO_RING_INDIRECT, BLK_NO_VECTOR);
	blk.slot[0][0].header.type = BLK_IN;
	blk.slot[0][0].header.sector = 0;
	blk.slot[0][0].status = UNTOUCHED;
	for (u32 i = 0; i < count; i++)
		blk.queue[0].table[i] = chain[i];
	virtio_submit(&blk.virtio, 0, &blk.queue[0], 0);
	expect_outcome(name, outcome(&blk.virtio, &blk.queue[0], &blk.slot[0][0].status), wanted);
}

/* Offers a chain of header, this data, and status, and checks the answer. */
static void offer_data(const char *name, u64 address, u32 bytes, u32 wanted)
{
	const struct virtq_descriptor chain[] = {
		HEADER, {address, bytes, NEXT_WRITE, 2}, STATUS(0)};

	offer_chain(name, chain, 3, true, wanted);
}

static void test_data(void)
{
	offer_data("good", AT(data), 512, BLK_OK);
	offer_data("data-hole", NOWHERE, 512, NEEDS_RESET);
	offer_data("data-lapic", LAPIC_DEFAULT_ADDRESS, 512, NEEDS_RESET);
	offer_data("data-ioapic", 0xfec00000, 512, NEEDS_RESET);
	offer_data("data-own-bar", blk.virtio.common.at, 512, NEEDS_RESET);
	offer_data("data-msix-table", blk.virtio.common.at + 0x2000, 512, NEEDS_RESET);
	offer_data("data-across-end", RAM_END - 256, 512, NEEDS_RESET);
	offer_data("data-behind-end", RAM_END, 512, NEEDS_RESET);
	offer_data("data-wraps", ~0ull - 255, 512, NEEDS_RESET);
	offer_data("data-high", 1ull << 51, 512, NEEDS_RESET);
	offer_data("data-4g", AT(data), ~0u, NEEDS_RESET);
	offer_data("data-none", AT(data), 0, BLK_IOERR);
	offer_data("data-odd", AT(data), 511, BLK_IOERR);
	offer_data("data-ring", AT(&blk.queue[0].used), 512, ANYTHING);
	offer_data("data-table", AT(blk.queue[0].table), 512, ANYTHING);
	offer_data("data-request", AT(&blk.slot[0][0]), 512, ANYTHING);
	offer_data("data-low", 0xa0000, 512, ANYTHING);
	offer_data("data-rom", 0xf0000, 512, ANYTHING);
}

static void test_chains(void)
{
	const u64 header = AT(&blk.slot[0][0].header);
	const struct virtq_descriptor split[] = {{header, 7, VIRTQ_NEXT, 1},
						 {header + 7, 9, VIRTQ_NEXT, 2},
						 {AT(data), 512, NEXT_WRITE, 3},
						 STATUS(0)};
	const struct virtq_descriptor self[] = {{header, 16, VIRTQ_NEXT, 0}};
	const struct virtq_descriptor loop[] = {HEADER, {AT(data), 512, NEXT_WRITE, 1}};
	const struct virtq_descriptor far[] = {{header, 16, VIRTQ_NEXT, 200}};
	const struct virtq_descriptor order[] = {
		{AT(data), 512, NEXT_WRITE, 1}, {header, 16, VIRTQ_NEXT, 2}, STATUS(0)};
	const struct virtq_descriptor fixed[] = {HEADER, {AT(data), 1, 0, 0}};
	const struct virtq_descriptor alone[] = {STATUS(0)};
	const struct virtq_descriptor cut[] = {{header, 15, VIRTQ_NEXT, 1}, STATUS(0)};
	const struct virtq_descriptor same[] = {
		HEADER, {AT(data), 512, NEXT_WRITE, 2}, {header, 1, VIRTQ_WRITE, 0}};

	offer_chain("split-header", split, 4, false, BLK_OK);
	offer_chain("self-loop", self, 1, false, NEEDS_RESET);
	offer_chain("loop", loop, 2, false, NEEDS_RESET);
	offer_chain("next-out-of-range", far, 1, false, NEEDS_RESET);
	offer_chain("write-before-read", order, 3, false, NEEDS_RESET);
	offer_chain("status-read-only", fixed, 2, false, NEEDS_RESET);
	offer_chain("status-alone", alone, 1, false, NEEDS_RESET);
	offer_chain("header-cut", cut, 2, false, NEEDS_RESET);
	offer_chain("status-in-header", same, 3, false, ANYTHING);
}

/* --- indirect tables --- */

static void offer_indirect(const char *name, u64 address, u32 bytes, u32 flags, u32 wanted)
{
	const struct virtq_descriptor chain[] = {{address, bytes, (u16)(VIRTQ_INDIRECT | flags), 1},
						 STATUS(0)};
	const struct virtq_descriptor good[] = {HEADER, {AT(data), 512, NEXT_WRITE, 2}, STATUS(0)};

	for (u32 i = 0; i < 3; i++)
		table[i] = good[i];
	offer_chain(name, chain, 2, true, wanted);
}

static void test_indirect(void)
{
	const struct virtq_descriptor chain[] = {{AT(table), 48, VIRTQ_INDIRECT, 0}};

	offer_indirect("indirect-good", AT(table), 48, 0, BLK_OK);
	offer_indirect("indirect-none", AT(table), 0, 0, NEEDS_RESET);
	offer_indirect("indirect-odd", AT(table), 47, 0, NEEDS_RESET);
	offer_indirect("indirect-cut", AT(table), 32, 0, NEEDS_RESET);
	offer_indirect("indirect-long", AT(table), 16 * (VIRTQ_SIZE + 1), 0, NEEDS_RESET);
	offer_indirect("indirect-4g", AT(table), ~15u, 0, NEEDS_RESET);
	offer_indirect("indirect-hole", NOWHERE, 48, 0, NEEDS_RESET);
	offer_indirect("indirect-across-end", RAM_END - 16, 48, 0, NEEDS_RESET);
	offer_indirect("indirect-wraps", ~0ull - 15, 48, 0, NEEDS_RESET);
	offer_indirect("indirect-next", AT(table), 48, VIRTQ_NEXT, NEEDS_RESET);
	/* an indirect table within an indirect table */
	offer_indirect("indirect-ring", AT(blk.queue[0].table), 48, 0, NEEDS_RESET);
	table[0] = (struct virtq_descriptor){AT(table), 48, VIRTQ_INDIRECT, 0};
	offer_chain("indirect-nested", chain, 1, true, NEEDS_RESET);
	table[0] = (struct virtq_descriptor){AT(&blk.slot[0][0].header), 16, VIRTQ_NEXT, 0};
	offer_chain("indirect-loop", chain, 1, true, NEEDS_RESET);
	offer_chain("indirect-not-agreed", chain, 1, false, NEEDS_RESET);
}

/* --- indices --- */

static void offer_index(const char *name, u16 head, u16 index, u32 wanted)
{
	const struct virtq_descriptor good[] = {HEADER, {AT(data), 512, NEXT_WRITE, 2}, STATUS(0)};

	blk_begin(&blk, ALL, BLK_NO_VECTOR);
	/* this request is answered at once, so that its head may come again */
	blk.slot[0][0].header.type = BLK_GET_ID;
	blk.slot[0][0].header.sector = 0;
	for (u32 i = 0; i < 3; i++)
		blk.queue[0].table[i] = good[i];
	for (u32 i = 0; i < VIRTQ_SIZE; i++)
		blk.queue[0].available.head[i] = head;
	blk.queue[0].available.index = index;
	virtio_put(&blk.virtio.doorbell, 0, 2, 0);
	expect_outcome(name, outcome(&blk.virtio, &blk.queue[0], &blk.slot[0][0].status), wanted);
}

static void test_indices(void)
{
	offer_index("index-good", 0, 1, BLK_OK);
	offer_index("index-too-far", 0, VIRTQ_SIZE + 1, NEEDS_RESET);
	offer_index("index-back", 0, 0xffff, NEEDS_RESET);
	offer_index("index-half", 0, 0x8000, NEEDS_RESET);
	offer_index("head-out-of-range", VIRTQ_SIZE, 1, NEEDS_RESET);
	offer_index("head-far", 0xffff, 1, NEEDS_RESET);
	offer_index("head-twice", 0, 2, BLK_OK);
}

/* --- where the rings are, and registers --- */

/* Returns whether the device enables such a queue. */
static bool enables(const struct virtio *device, u32 size, u64 descriptors, u64 available, u64 used)
{
	const u64 addresses[] = {descriptors, available, used};
	const struct virtio_place *common = &device->common;

	virtio_begin(device, VIRTIO_VERSION_1);
	virtio_put(common, VIRTIO_QUEUE_SELECT, 2, 0);
	virtio_put(common, VIRTIO_QUEUE_SIZE, 2, size);
	for (u32 i = 0; i < 3; i++) {
		virtio_put(common, VIRTIO_QUEUE_TABLE + 8 * i, 4, (u32)addresses[i]);
		virtio_put(common, VIRTIO_QUEUE_TABLE + 8 * i + 4, 4, (u32)(addresses[i] >> 32));
	}
	virtio_put(common, VIRTIO_QUEUE_ENABLE, 2, 1);
	return virtio_get(common, VIRTIO_QUEUE_ENABLE, 2) == 1;
}

static void expect_ring(const char *name, u64 descriptors, u64 available, u64 used, bool wanted)
{
	check_equal(name, enables(&blk.virtio, VIRTQ_SIZE, descriptors, available, used), wanted);
	virtio_put(&blk.virtio.common, VIRTIO_STATUS, 1, 0xf);
	virtio_put(&blk.virtio.doorbell, 0, 2, 0);
	if (!works())
		fail(name, "reset, it does not work");
}

static void test_rings(void)
{
	const u64 t = AT(ring.table);
	const u64 a = AT(&ring.available);
	const u64 u = AT(&ring.used);

	expect_ring("rings-good", t, a, u, true);
	expect_ring("rings-same", t, t, t, true);
	expect_ring("table-unaligned", t + 8, a, u, false);
	expect_ring("available-unaligned", t, a + 1, u, false);
	expect_ring("used-unaligned", t, a, u + 2, false);
	expect_ring("table-across-end", RAM_END - 16, a, u, false);
	expect_ring("available-across-end", t, RAM_END - 16, u, false);
	expect_ring("used-across-end", t, a, RAM_END - 64, false);
	expect_ring("table-hole", NOWHERE, a, u, false);
	expect_ring("available-hole", t, LAPIC_DEFAULT_ADDRESS, u, false);
	expect_ring("used-hole", t, a, blk.virtio.common.at, false);
	expect_ring("table-wraps", ~0ull & ~15ull, a, u, false);
	expect_ring("used-wraps", t, a, ~0ull & ~3ull, false);
	check("table-at-end", enables(&blk.virtio, 8, RAM_END - 128, a, u), "it is RAM");
}

static void test_registers(void)
{
	static const u32 sizes[] = {0, 3, 129, 512, 0x8000, 0xffff};
	const struct virtio_place *common = &blk.virtio.common;
	u32 wrong = 0;

	virtio_begin(&blk.virtio, VIRTIO_VERSION_1);
	for (u32 i = 0; i < ARRAY_COUNT(sizes); i++) {
		virtio_put(common, VIRTIO_QUEUE_SELECT, 2, 1);
		virtio_put(common, VIRTIO_QUEUE_SIZE, 2, sizes[i]);
		wrong += virtio_get(common, VIRTIO_QUEUE_SIZE, 2) == sizes[i];
		virtio_put(common, VIRTIO_QUEUE_SELECT, 2, sizes[i] | 4);
		wrong += virtio_get(common, VIRTIO_QUEUE_SIZE, 2) != 0;
		virtio_put(common, VIRTIO_QUEUE_ENABLE, 2, 1);
		virtio_put(common, VIRTIO_QUEUE_VECTOR, 2, sizes[i]);
		virtio_put(common, VIRTIO_QUEUE_TABLE, 4, sizes[i]);
		virtio_put(&blk.virtio.doorbell, 0, 2, sizes[i] | 4);
		virtio_put(&blk.virtio.doorbell, 0, 4, ~sizes[i]);
		virtio_put(common, VIRTIO_CONFIG_VECTOR, 2, sizes[i] | 0x100);
		wrong += virtio_get(common, VIRTIO_CONFIG_VECTOR, 2) != 0xffff;
	}
	check_equal("registers", wrong, 0);
	virtio_put(common, VIRTIO_STATUS, 1, 0);
	virtio_put(common, VIRTIO_STATUS, 1, 3);
	virtio_put(common, VIRTIO_DRIVER_SELECT, 4, 1);
	virtio_put(common, VIRTIO_DRIVER_FEATURE, 4, ~0u);
	virtio_put(common, VIRTIO_DRIVER_SELECT, 4, ~0u);
	virtio_put(common, VIRTIO_DRIVER_FEATURE, 4, ~0u);
	virtio_put(common, VIRTIO_STATUS, 1, 0xb);
	check_equal("features-never-offered", virtio_status(&blk.virtio), 3);
	check("registers-reset", works(), "it does not work any more");
}

/* --- requests --- */

static void expect_status(const char *name, u32 type, u64 sector, void *at, u32 bytes, u8 wanted)
{
	check_equal(name, blk_do(&blk, 0, type, sector, at, bytes), wanted);
}

static void expect_range(const char *name, u32 type, u64 sector, u32 length, u32 flags, u8 wanted)
{
	struct blk_range range = {sector, length, flags};

	expect_status(name, type, 0, &range, sizeof(range), wanted);
}

static void test_requests(void)
{
	u32 wrong = 0;

	expect_status("last-sector", BLK_IN, sectors - 1, data, 512, BLK_OK);
	expect_status("past-the-end", BLK_IN, sectors, data, 512, BLK_IOERR);
	expect_status("across-the-end", BLK_OUT, sectors - 1, data, 1024, BLK_IOERR);
	expect_status("sector-wraps", BLK_OUT, ~0ull, data, 1024, BLK_IOERR);
	expect_status("sector-high", BLK_IN, 1ull << 55, data, 512, BLK_IOERR);
	expect_status("write-odd", BLK_OUT, 0, data, 513, BLK_IOERR);
	expect_status("write-nothing", BLK_OUT, 0, data, 0, BLK_IOERR);
	expect_status("id-short", BLK_GET_ID, 0, data, 19, BLK_IOERR);
	expect_range("discard-across", BLK_DISCARD, sectors - 1, 2, 0, BLK_IOERR);
	expect_range("discard-wraps", BLK_DISCARD, ~0ull, 2, 0, BLK_IOERR);
	expect_range("discard-4g", BLK_DISCARD, 0, ~0u, 0, BLK_IOERR);
	expect_range("discard-nothing", BLK_DISCARD, 0, 0, 0, BLK_IOERR);
	expect_range("zeroes-flags", BLK_WRITE_ZEROES, 0, 8, ~0u, BLK_UNSUPP);
	expect_status("range-cut", BLK_DISCARD, 0, data, 15, BLK_IOERR);
	expect_status("ranges-two", BLK_DISCARD, 0, data, 32, BLK_IOERR);
	for (u32 type = 0; type < 64; type++) {
		bool known = type == BLK_IN || type == BLK_OUT || type == BLK_FLUSH ||
			     type == BLK_GET_ID || type == BLK_DISCARD || type == BLK_WRITE_ZEROES;

		if (!known)
			wrong += blk_do(&blk, 0, type, 0, data, 512) != BLK_UNSUPP;
	}
	check_equal("unknown-types", wrong, 0);
	expect_status("type-high", ~0u, 0, data, 512, BLK_UNSUPP);
	check("requests-kept", is_kept(), "memory that was not the device's");
}

/* --- rng and console --- */

static bool bring_up(const struct virtio *device, u32 queue)
{
	return virtio_begin(device, VIRTIO_VERSION_1 | VIRTIO_RING_INDIRECT) != 0 &&
	       virtio_add_queue(device, queue, &ring, BLK_NO_VECTOR) && virtio_start(device);
}

static u32 offer_one(const struct virtio *device, u32 queue, u64 address, u32 bytes, u32 flags)
{
	static const u8 none;

	bring_up(device, queue);
	ring.table[0] = (struct virtq_descriptor){address, bytes, (u16)flags, 0};
	virtio_submit(device, queue, &ring, 0);
	return outcome(device, &ring, &none);
}

static void test_rng(void)
{
	check_equal("rng-4g", offer_one(&rng, 0, AT(data), ~0u, VIRTQ_WRITE), NEEDS_RESET);
	check_equal("rng-hole", offer_one(&rng, 0, NOWHERE, 16, VIRTQ_WRITE), NEEDS_RESET);
	check_equal("rng-loop", offer_one(&rng, 0, AT(data), 16, NEXT_WRITE), NEEDS_RESET);
	check_equal("rng-read-only", offer_one(&rng, 0, AT(data), 16, 0), 0);
	check_equal("rng-read-only-bytes", ring.used.entry[0].written, 0);
	check_equal("rng-much", offer_one(&rng, 0, AT(data), sizeof(data), VIRTQ_WRITE), 0);
	check_equal("rng-much-bytes", ring.used.entry[0].written, 4096);
	check("rng-kept", is_kept(), "memory that was not the device's");
}

static void test_console(void)
{
	for (u32 i = 0; i < OUTPUT_BYTES; i++)
		output[i] = i % 80 == 79 ? '\n' : '.';
	check_equal("console-4g", offer_one(&console, 1, AT(output), ~0u, 0), NEEDS_RESET);
	check_equal("console-hole", offer_one(&console, 1, NOWHERE, 16, 0), NEEDS_RESET);
	check_equal("console-write-only", offer_one(&console, 1, AT(data), 16, VIRTQ_WRITE), 0);
	check_equal("console-much", offer_one(&console, 1, AT(output), OUTPUT_BYTES, 0), 0);
	print("\n");
	check("console-kept", is_kept(), "memory that was not the device's");
	for (u32 i = 0; i < 80; i++) /* the emergency register */
		virtio_put(&console.device, 8, 4, i == 79 ? '\n' : '.');
	check_equal("receive-hole", offer_one(&console, 0, NOWHERE, 16, VIRTQ_WRITE),
		    BLK_NO_ANSWER); /* nobody types at the console */
	virtio_put(&console.common, VIRTIO_STATUS, 1, 0);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	keep();
	check("devices",
	      blk_find(&blk, 0) && virtio_find(&rng, RNG) && virtio_find(&console, CONSOLE),
	      "disk, rng and console are not there");
	sectors = virtio_get(&blk.virtio.device, BLK_CAPACITY, 4);
	test_data();
	test_chains();
	test_indirect();
	test_indices();
	test_rings();
	test_registers();
	test_requests();
	test_rng();
	test_console();
}
