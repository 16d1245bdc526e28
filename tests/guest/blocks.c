/* SPDX-License-Identifier: MIT */
/*
 * Uses a disk of blocks of 4 KiB when a key is typed: 'w' writes a text to four places, 'r' reads
 * it again and compares it, 'z' looks which of them are zeros, 'o' asks for what an encrypted disk
 * refuses, 'd' discards all of the disk, 'n' has zeros written to all of it, 'l' writes and reads
 * without end, until it is typed again; so do 'c' and 'C', which write another number to a block
 * each time and check what a block has that they do not write now: 'c' uses the first blocks of the
 * disk, 'C' all. 'v' checks all of them once more.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"

#define BLOCK	      4096u
#define BLOCK_SECTORS (BLOCK / BLK_SECTOR)
#define PLACES	      4u
#define PATIENCE      12u   /* times five seconds: the driver may be dead for a while */
#define NUMBERED      1000u /* blocks to which numbers are written */
#define NUMBERED_FEW  96u
#define STRIDE	      37u /* a prime: the next block lies elsewhere, and each has its turn */

static struct blk blk;
static u8 data[16 * BLOCK] ALIGNED(BLOCK);

static u8 transfer(u32 type, u64 sector, u32 bytes)
{
	blk_post(&blk, 0, 0, type, sector, data, bytes);
	for (u32 i = 0; i < PATIENCE; i++)
		if (blk_wait(&blk, 0))
			return blk.slot[0][0].status;
	return BLK_NO_ANSWER;
}

/* The places: the first block, two that follow, many at once, and the last block. */
static u64 place(u32 number, u32 *blocks)
{
	static const u64 block[] = {0, 5, 32};
	static const u32 count[] = {1, 2, 16};

	*blocks = number < 3 ? count[number] : 1;
	return number < 3 ? block[number] * BLOCK_SECTORS
			  : virtio_get(&blk.virtio.device, BLK_CAPACITY, 4) - BLOCK_SECTORS;
}

/* The byte of the text at that place. */
static u8 text_at(u32 at)
{
	static const char text[] = "A TEXT THAT NO THIEF SHALL READ\n";

	return (u8)text[at % (sizeof(text) - 1)];
}

static void fill(bool with_text)
{
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = with_text ? text_at(i) : 0;
}

static bool holds(u32 bytes, bool text)
{
	for (u32 i = 0; i < bytes; i++)
		if (data[i] != (text ? text_at(i) : 0))
			return false;
	return true;
}

/* Writes the text to all places. Returns the worst status. */
static u8 write_places(void)
{
	u8 worst = BLK_OK;
	u32 blocks;

	for (u32 i = 0; i < PLACES; i++) {
		u64 at = place(i, &blocks);
		u8 status;

		fill(true);
		status = transfer(BLK_OUT, at, blocks * BLOCK);
		worst = status > worst ? status : worst;
	}
	return worst;
}

/* Returns how many places hold the text, or zeros. */
static u32 read_places(bool text)
{
	u32 same = 0;
	u32 blocks;

	for (u32 i = 0; i < PLACES; i++) {
		u64 at = place(i, &blocks);

		fill(!text);
		if (transfer(BLK_IN, at, blocks * BLOCK) == BLK_OK && holds(blocks * BLOCK, text))
			same++;
	}
	return same;
}

static void write_all(void)
{
	print("WRITTEN ");
	print_hex(write_places());
	print(" ");
	print_hex(transfer(BLK_FLUSH, 0, 0));
	print("\n");
}

static void read_all(bool text)
{
	print(text ? "SAME " : "ZEROS ");
	print_hex(read_places(text));
	print("\n");
}

static void load(void)
{
	u32 rounds = 0;
	u32 bad = 0;

	print("LOAD\n");
	do {
		bad += write_places() != BLK_OK;
		bad += read_places(true) != PLACES;
		rounds++;
	} while (typed() != 'l');
	print("ROUNDS ");
	print_hex(rounds);
	print(" BAD ");
	print_hex(bad);
	print("\n");
}

/* The number that each block should hold; 0: none was written. */
static u32 numbers[NUMBERED];

static u8 write_number(u32 block, u32 number)
{
	u32 *words = (u32 *)(void *)data;

	for (u32 i = 0; i < BLOCK / sizeof(u32); i++)
		words[i] = number;
	numbers[block] = number;
	return transfer(BLK_OUT, (u64)block * BLOCK_SECTORS, BLOCK);
}

/* Returns whether all of the block is the number that was last written to it. */
static bool has_number(u32 block)
{
	const u32 *words = (const u32 *)(const void *)data;

	if (numbers[block] == 0)
		return true;
	if (transfer(BLK_IN, (u64)block * BLOCK_SECTORS, BLOCK) != BLK_OK)
		return false;
	for (u32 i = 0; i < BLOCK / sizeof(u32); i++)
		if (words[i] != numbers[block])
			return false;
	return true;
}

static void print_two(const char *first, u32 one, const char *second, u32 two)
{
	print(first);
	print_hex(one);
	print(second);
	print_hex(two);
	print("\n");
}

static void count_in(u32 blocks)
{
	static u32 number;
	u32 block = 0;
	u32 bad = 0;

	print("COUNTS\n");
	do {
		block = (block + STRIDE) % blocks;
		bad += write_number(block, ++number) != BLK_OK;
		bad += !has_number((block + blocks / 2) % blocks);
	} while (typed() != 'c');
	print_two("COUNTED ", number, " BAD ", bad);
}

static void verify(void)
{
	u32 bad = 0;
	u32 written = 0;

	for (u32 i = 0; i < NUMBERED; i++) {
		bad += !has_number(i);
		written += numbers[i] != 0;
	}
	print_two("VERIFIED ", written, " BAD ", bad);
}

static void offend(void)
{
	struct blk_range *range = (struct blk_range *)(void *)data;

	print("REFUSED ");
	print_hex(transfer(BLK_IN, 1, BLK_SECTOR));
	print(" ");
	print_hex(transfer(BLK_OUT, 0, BLK_SECTOR));
	*range = (struct blk_range){.sector = 0, .sectors = BLOCK_SECTORS};
	print(" ");
	print_hex(transfer(BLK_DISCARD, 0, sizeof(*range)));
	print(" ");
	print_hex(transfer(BLK_WRITE_ZEROES, 0, sizeof(*range)));
	print("\n");
}

/* Discards all of the disk, or has zeros written to it; then asks for it for a part of a block. */
static void empty(u32 type)
{
	struct blk_range *range = (struct blk_range *)(void *)data;
	u64 sectors = virtio_get(&blk.virtio.device, BLK_CAPACITY, 4);

	*range = (struct blk_range){.sector = 0, .sectors = (u32)sectors};
	print("EMPTIED ");
	print_hex(transfer(type, 0, sizeof(*range)));
	*range = (struct blk_range){.sector = 0, .sectors = BLOCK_SECTORS / 2};
	print(" ");
	print_hex(transfer(type, 0, sizeof(*range)));
	print(" ");
	print_hex(transfer(BLK_FLUSH, 0, 0));
	print("\n");
}

static void obey(char key)
{
	if (key == 'd' || key == 'n')
		empty(key == 'd' ? BLK_DISCARD : BLK_WRITE_ZEROES);
	if (key == 'w')
		write_all();
	if (key == 'r' || key == 'z')
		read_all(key == 'r');
	if (key == 'o')
		offend();
	if (key == 'l')
		load();
	if (key == 'c' || key == 'C')
		count_in(key == 'c' ? NUMBERED_FEW : NUMBERED);
	if (key == 'v')
		verify();
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	check("disk", blk_find(&blk, 0) && blk_begin(&blk, 0, BLK_NO_VECTOR), "no disk");
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_RATE, (u16)(PIT_HZ / 100));
	print("READY\n");
	for (;;) {
		obey(typed());
		interrupts_on();
		asm volatile("hlt");
		interrupts_off();
	}
}
