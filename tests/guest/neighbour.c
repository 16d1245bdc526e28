/* SPDX-License-Identifier: MIT */
/*
 * The healthy neighbour of hostile guests, a tiny guest: see checker.h. With `disk` it has a disk
 * as well: each pass writes a piece of it, whose bytes depend on place and pass, and reads another.
 */
#include "tests/guest/checker.h"
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"

#define AREA_AT		0x1000000ull
#define COM1		0x3f8u
#define LINE_STATUS	(COM1 + 5)
#define LINE_DATA_READY 1u

static bool checker_typed(u8 *byte)
{
	if ((in8(LINE_STATUS) & LINE_DATA_READY) == 0)
		return false;
	*byte = in8(COM1);
	return true;
}

#define PIECES	      64u /* the pieces of the disk that are verified */
#define PIECE_BYTES   16384u
#define PIECES_A_PASS 8u
#define PATIENCE      30u /* looks of five seconds, as the disk's driver may be dead for a while */

static struct blk blk;
static u64 piece[PIECE_BYTES / sizeof(u64)] ALIGNED(4096);
static u64 written[PIECES]; /* the pass in which each piece was written; 0: never */

static bool transfer(u32 type, u64 number)
{
	blk_post(&blk, (u32)(number % BLK_QUEUES), 0, type, number * (PIECE_BYTES / BLK_SECTOR),
		 piece, PIECE_BYTES);
	for (u32 i = 0; i < PATIENCE; i++)
		if (blk_wait(&blk, (u32)(number % BLK_QUEUES)))
			return blk.slot[number % BLK_QUEUES][0].status == BLK_OK;
	return false;
}

static bool write_piece(u64 number, u64 pass)
{
	written[number] = pass;
	for (u64 i = 0; i < ARRAY_COUNT(piece); i++)
		piece[i] = checker_pattern(pass, number << 32 | i);
	return transfer(BLK_OUT, number);
}

static bool verify_piece(u64 number)
{
	u64 pass = written[number];

	for (u64 i = 0; i < ARRAY_COUNT(piece); i++)
		piece[i] = 0;
	if (!transfer(BLK_IN, number))
		return false;
	for (u64 i = 0; i < ARRAY_COUNT(piece); i++)
		if (pass != 0 && piece[i] != checker_pattern(pass, number << 32 | i))
			return false;
	return true;
}

static bool checker_more(u64 key, u64 pass)
{
	(void)key;
	for (u64 i = 0; option("disk") && i < PIECES_A_PASS; i++) {
		u64 number = (pass * PIECES_A_PASS + i) % PIECES;

		if (write_piece(number, pass) && verify_piece((number * 7 + 3) % PIECES))
			continue;
		print("  the disk is wrong\n");
		return false;
	}
	return true;
}

static void find_disk(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	check("disk", blk_find(&blk, 0) && blk_begin(&blk, BLK_F_MQ, BLK_NO_VECTOR), "no disk");
}

NORETURN static void checker_end(bool good)
{
	check("pattern", good, "somebody else wrote here");
	finish();
}

void guest_main(void)
{
	pic_mask_all();
	if (option("disk"))
		find_disk();
	checker_run((u64 *)AREA_AT, option_number("key", 1));
}
