/* SPDX-License-Identifier: MIT */
/*
 * Gives its balloon what it should not: pages that are no RAM, the same page often, the rings
 * themselves, the page whose code is running. It gets zeroes where the page was its own, nothing
 * where it was not, and the device works on.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/rt.h"
#include "tests/guest/rt/virtio.h"

#define BALLOON	     5u
#define PAGE	     4096u
#define RAM_END	     (32ull * 1024 * 1024)
#define STATS	     (1ull << 1)
#define REPORTS	     (1ull << 5)
#define ALL	     (VIRTIO_VERSION_1 | STATS | REPORTS)
#define QUEUES	     5u
#define NO_VECTOR    0xffffu
#define STATUS_NEEDS 0x40u
#define NEEDS_RESET  0x100u
#define NO_ANSWER    0x101u
#define ANSWER_US    400000u
#define KEY	     0x5eed0456u
#define LENT	     16u
#define NUMBERS	     2048u
#define AT(thing)    ((u64)(word)(thing))

static struct virtio balloon;
static struct {
	struct virtq queue[QUEUES];
} ALIGNED(4096) rings; /* the rings, with nothing else in their pages */
_Static_assert(sizeof(rings) == PAGE, "one page");
static u8 lent[LENT][PAGE] ALIGNED(4096);
static u32 numbers[NUMBERS] ALIGNED(4096);
static u32 kept[PAGE / 4] ALIGNED(4096); /* a page that is never given to the balloon */

static u32 number_of(const void *page)
{
	return (u32)(AT(page) / PAGE);
}

static void fill(void)
{
	for (u32 i = 0; i < PAGE / 4; i++)
		kept[i] = KEY + i;
	for (u32 i = 0; i < LENT; i++)
		for (u32 k = 0; k < PAGE; k++)
			lent[i][k] = (u8)(i + k + 1);
}

static bool is_filled(u32 i, bool zero)
{
	for (u32 k = 0; k < PAGE; k++)
		if (*(volatile u8 *)&lent[i][k] != (zero ? 0 : (u8)(i + k + 1)))
			return false;
	return true;
}

static bool is_kept(void)
{
	for (u32 i = 0; i < PAGE / 4; i++)
		if (((volatile u32 *)kept)[i] != KEY + i)
			return false;
	return true;
}

static bool bring_up(u64 features)
{
	if (virtio_begin(&balloon, features) == 0)
		return false;
	for (u32 i = 0; i < QUEUES; i++)
		if (!virtio_add_queue(&balloon, i, &rings.queue[i], NO_VECTOR))
			return false;
	return virtio_start(&balloon);
}

static u32 outcome(u32 queue, u16 before)
{
	u32 start = clock_ticks();

	while (rings.queue[queue].used.index == before && clock_us_since(start) < ANSWER_US)
		if ((virtio_status(&balloon) & STATUS_NEEDS) != 0)
			return NEEDS_RESET;
	return rings.queue[queue].used.index == before ? NO_ANSWER : 0;
}

static u32 offer(u32 queue, u64 address, u32 bytes, u32 flags)
{
	u16 before = rings.queue[queue].used.index;

	rings.queue[queue].table[0] = (struct virtq_descriptor){address, bytes, (u16)flags, 0};
	virtio_submit(&balloon, queue, &rings.queue[queue], 0);
	return outcome(queue, before);
}

/* The numbers of the pages that follow `first`. */
static u32 give(u32 first, u32 count)
{
	for (u32 i = 0; i < count; i++)
		numbers[i] = first + i;
	return offer(0, AT(numbers), 4 * count, 0);
}

static void expect_works(const char *name)
{
	fill();
	check_equal(name, bring_up(ALL) ? give(number_of(lent[1]), 1) : NO_ANSWER, 0);
	check(name, is_filled(0, false) && is_filled(1, true) && is_filled(2, false),
	      "a page was taken, or was not");
	check(name, is_kept(), "memory that was not given is another");
}

static void test_good(void)
{
	u32 wrong = 0;

	expect_works("good");
	fill();
	check_equal("good-many", give(number_of(lent[0]), LENT), 0);
	for (u32 i = 0; i < LENT; i++)
		wrong += !is_filled(i, true);
	check_equal("good-zero", wrong, 0);
	fill();
	check_equal("good-back", offer(1, AT(numbers), 4 * LENT, 0), 0);
	for (u32 i = 0; i < LENT; i++)
		wrong += !is_filled(i, false);
	check_equal("good-kept", wrong, 0);
}

static void test_no_ram(void)
{
	static const u32 bad[] = {0xa0,	    0xb7,	(u32)(RAM_END / PAGE),
				  0xe0000,  0xfec00,	0xfee00,
				  0x100000, 0x7fffffff, 0xffffffff};

	bring_up(ALL);
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++)
		numbers[i] = bad[i];
	numbers[ARRAY_COUNT(bad)] = number_of(lent[5]);
	check_equal("no-ram", offer(0, AT(numbers), 4 * ARRAY_COUNT(bad) + 4, 0), 0);
	check("no-ram-then-own", is_filled(5, true), "the page behind them was not taken");
	check("apic", (lapic_get(0x30) & 0xff) >= 0x10, "the local APIC has gone");
	expect_works("no-ram-works");
}

static void test_often(void)
{
	u32 wrong = 0;

	bring_up(ALL);
	for (u32 i = 0; i < NUMBERS; i++)
		numbers[i] = number_of(lent[i % 2 * 3]); /* no two of the pages are neighbours */
	check_equal("often", offer(0, AT(numbers), sizeof(numbers), 0), 0);
	for (u32 i = 0; i < 64; i++)
		wrong += give(number_of(lent[3]), 1) != 0;
	check_equal("often-again", wrong, 0);
	check("often-other", is_filled(4, false), "a page that was not given is another");
	expect_works("often-works");
}

/* The device's own rings, and the page with the numbers. */
static void test_rings(void)
{
	bring_up(ALL);
	(void)give(number_of(&rings), 1);
	expect_works("rings-works");
	bring_up(ALL);
	check_equal("numbers", give(number_of(numbers), sizeof(numbers) / PAGE), 0);
	expect_works("numbers-works");
}

static void test_shapes(void)
{
	bring_up(ALL);
	check_equal("odd", offer(0, AT(numbers), 3, 0), 0);
	check_equal("write-only", offer(0, AT(numbers), 64, VIRTQ_WRITE), 0);
	check_equal("hole", offer(0, 0xe0000000, 64, 0), NEEDS_RESET);
	bring_up(ALL);
	check_equal("4g", offer(0, AT(numbers), ~0u, 0), NEEDS_RESET);
	bring_up(ALL);
	/* the device keeps the statistics until it is asked */
	check_equal("statistics", offer(2, AT(kept), 4095, 0), NO_ANSWER);
	check_equal("report-read-only", offer(4, AT(lent), PAGE, 0), 0);
	check_equal("report-hole", offer(4, 0xe0000000, PAGE, VIRTQ_WRITE), NEEDS_RESET);
	bring_up(ALL);
	check_equal("report-end", offer(4, RAM_END - PAGE, 2 * PAGE, VIRTQ_WRITE), NEEDS_RESET);
	fill();
	bring_up(ALL);
	check_equal("report", offer(4, AT(lent[6]) + 1, 2 * PAGE, VIRTQ_WRITE), 0);
	check("report-whole", is_filled(6, false) && is_filled(7, true) && is_filled(8, false),
	      "not the one whole page");
	expect_works("shapes-works");
}

/*
 * A page that gives itself away by `out %ax, (%dx)`: what follows are zeroes, `add %al, (%eax)`,
 * up to the RET in the next page.
 */
static void test_code(void)
{
	const struct virtio_place *ports =
		balloon.doorbell.ports ? &balloon.doorbell : &balloon.doorbell_2;
	u8 *code = lent[8];
	u32 zero = 0;

	bring_up(ALL);
	if (!ports->ports)
		return;
	for (u32 i = 2; i < PAGE; i++)
		code[i] = 0xcc;
	code[0] = 0x66;
	code[1] = 0xef;
	lent[9][0] = 0xc3;
	numbers[0] = number_of(code);
	rings.queue[0].table[0] = (struct virtq_descriptor){AT(numbers), 4, 0, 0};
	rings.queue[0].available.head[0] = 0;
	asm volatile("" ::: "memory");
	rings.queue[0].available.index = 1;
	asm volatile("call *%2" : "+a"(zero) : "d"((u32)ports->at), "r"(code) : "memory", "cc");
	check_equal("code", outcome(0, 0), 0);
	check("code-zero", is_filled(8, true), "the page is another");
	code[0] = 0xc3;
	asm volatile("call *%0" ::"r"(code) : "memory", "cc");
	expect_works("code-works");
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("balloon", virtio_find(&balloon, BALLOON), "there is none");
	test_good();
	test_no_ram();
	test_often();
	test_rings();
	test_shapes();
	test_code();
}
