/* SPDX-License-Identifier: MIT */
/*
 * What it costs to give memory back and to take it again, in TSC cycles for each page: by the
 * balloon in runs and page by page, and by a report of whole blocks.
 */
#include "tests/guest/rt/cpu.h"
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/virtio.h"

#define BALLOON	  5u
#define REPORTS	  (1ull << 5)
#define INFLATE	  0u
#define REPORT	  4u
#define REPORT_3  3u /* the queue of reports where the device has no queue for hints, as QEMU's */
#define NO_VECTOR 0xffffu
#define PAGE	  4096u
#define FIRST	  0x1000000u /* 16 MiB: nothing of this guest lies there */
#define COUNT	  256u
#define BLOCK	  512u /* the pages of a block */
#define AT(thing) ((u64)(word)(thing))

static struct virtio balloon;
static struct virtq inflate;
static struct virtq report;
static u32 report_queue;
static u32 numbers[COUNT];

static bool is_zero(u32 first, u32 count, u32 step)
{
	for (u32 i = 0; i < count; i++)
		if (*(volatile u32 *)(word)((first + i * step) * PAGE) != 0)
			return false;
	return true;
}

static void touch(u32 first, u32 count, u32 step)
{
	for (u32 i = 0; i < count; i++)
		*(volatile u32 *)(word)((first + i * step) * PAGE) = i + 1;
}

/* The device has answered when the doorbell returns. */
static u64 offer(u32 queue, struct virtq *ring, u64 address, u32 bytes, u32 flags)
{
	u16 before = ring->used.index;
	u64 start;

	ring->table[0] = (struct virtq_descriptor){address, bytes, (u16)flags, 0};
	start = read_tsc();
	virtio_submit(&balloon, queue, ring, 0);
	start = read_tsc() - start;
	if (ring->used.index == before)
		fail("offer", "no answer");
	return start;
}

static void show(const char *name, u64 given, u64 taken, u32 count)
{
	print("COST ");
	print(name);
	print(" ");
	print_hex(given / count);
	print(" ");
	print_hex(taken / count);
	print("\n");
}

static u64 taken(u32 first, u32 count, u32 step)
{
	u64 start = read_tsc();

	touch(first, count, step);
	return read_tsc() - start;
}

static void by_balloon(const char *name, u32 step)
{
	u32 first = FIRST / PAGE;
	u64 given;

	touch(first, COUNT, step);
	for (u32 i = 0; i < COUNT; i++)
		numbers[i] = first + i * step;
	given = offer(INFLATE, &inflate, AT(numbers), sizeof(numbers), 0);
	check(name, is_zero(first + (COUNT - 1) * step, 1, step), "not given back");
	show(name, given, taken(first, COUNT - 1, step), COUNT);
}

/* Reports two blocks, also at their borders. */
static void by_report(void)
{
	u32 first = (FIRST + 0x400000) / PAGE;
	u64 given;

	touch(first, 2 * BLOCK, 1);
	given = offer(report_queue, &report, (u64)first * PAGE, 2 * BLOCK * PAGE, VIRTQ_WRITE);
	show("blocks", given, taken(first, 2 * BLOCK, 1), 2 * BLOCK);
	given = offer(report_queue, &report, (u64)first * PAGE, 2 * BLOCK * PAGE, VIRTQ_WRITE);
	check("blocks", is_zero(first, 2 * BLOCK, 1), "not given back");
}

void guest_main(void)
{
	report_queue = option("kvm") ? REPORT_3 : REPORT;
	check("balloon",
	      virtio_find(&balloon, BALLOON) &&
		      virtio_begin(&balloon, VIRTIO_VERSION_1 | REPORTS) != 0 &&
		      virtio_add_queue(&balloon, INFLATE, &inflate, NO_VECTOR) &&
		      virtio_add_queue(&balloon, report_queue, &report, NO_VECTOR) &&
		      virtio_start(&balloon),
	      "there is none");
	by_balloon("first", 1); /* the first page splits the block */
	by_balloon("run", 1);
	by_balloon("scattered", 2);
	by_report();
}
