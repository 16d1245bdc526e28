/* SPDX-License-Identifier: MIT */
/*
 * Lets a disk write into pages= pages of RAM, span= pages by a request, one after the other, again
 * and again, until 'q' is typed. Each page keeps what its last request has read, until it is its
 * turn: whoever snapshots, copies or resets the guest meanwhile must not miss what a device has
 * written, nor let it through.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"
#include "tests/random.h"

#define FIRST	    (4 * MIB)
#define PAGES	    2048u /* the most pages in use */
#define BLOCK_BYTES 4096u
#define WORDS	    (BLOCK_BYTES / sizeof(u64))

static struct blk disk;
static u32 holds[PAGES]; /* for each page the block that was last read there, plus 1; 0: none yet */
static u64 blocks;
static u32 pages;
static u32 span; /* how many blocks a request reads, into as many pages */
static u64 random_state = RANDOM_SEED;
static u64 wrong;

static volatile u64 *page_of(u32 number)
{
	return (volatile u64 *)(word)(FIRST + number * BLOCK_BYTES);
}

/* Returns the word that the test has written to the disk: the same word all over a block. */
static u64 word_of(u32 block_and_1)
{
	return block_and_1 * 0x9e3779b97f4a7c15ull;
}

static void look(u32 number)
{
	u64 wanted = word_of(holds[number]);
	bool same = true;

	for (u32 i = 0; i < WORDS; i++)
		same = same && page_of(number)[i] == wanted;
	wrong += !same;
}

static void post(u32 slot, u32 number, u32 block)
{
	blk_post(&disk, 0, slot, BLK_IN, (u64)block * (BLOCK_BYTES / BLK_SECTOR),
		 (void *)(word)page_of(number), span * BLOCK_BYTES);
}

/* Reads blocks, by as many requests as can be on their way. */
static void turn(u32 first)
{
	u32 block[BLK_SLOTS];

	for (u32 i = 0; i < BLK_SLOTS * span; i++)
		look(first + i);
	for (u32 slot = 0; slot < BLK_SLOTS; slot++) {
		block[slot] = (u32)(random_step(&random_state) % (blocks - span + 1));
		post(slot, first + slot * span, block[slot]);
	}
	for (u32 slot = 0; slot < BLK_SLOTS; slot++)
		if (!blk_wait(&disk, 0))
			fail("answer", "there is none");
	for (u32 slot = 0; slot < BLK_SLOTS; slot++) {
		wrong += disk.slot[0][slot].status != BLK_OK;
		for (u32 i = 0; i < span; i++)
			holds[first + slot * span + i] = block[slot] + i + 1;
	}
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	check("disk", blk_find(&disk, 0), "there is none");
	check("up", blk_begin(&disk, VIRTIO_VERSION_1, BLK_NO_VECTOR), "it does not start");
	blocks = (u64)virtio_get(&disk.virtio.device, BLK_CAPACITY, 4) * BLK_SECTOR / BLOCK_BYTES;
	span = (u32)option_number("span", 1);
	pages = (u32)option_number("pages", PAGES) % (PAGES + 1) / (BLK_SLOTS * span) *
		(BLK_SLOTS * span);
	for (u32 i = 0; i < PAGES * WORDS; i++)
		page_of(0)[i] = 0;
	for (u64 pass = 1; typed() != 'q'; pass++) {
		for (u32 first = 0; first < pages; first += BLK_SLOTS * span)
			turn(first);
		say("PASS ", pass);
	}
	check_equal("pages", wrong, 0);
	finish();
}
