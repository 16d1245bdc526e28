/* SPDX-License-Identifier: MIT */
/*
 * Executes an instruction in each of the first fetch= pieces of 2 MiB from first= on (MiB). Writes
 * a word to each piece from there to end=, but to none from hole= to hole_end=. Then it does what
 * is typed: 'x' executes once more, 'f' fills the hole, 'c' compares all that it has written, 's'
 * searches the hole for words that are neither its own nor zero, and overwrites them.
 */
#include "tests/guest/rt/devices.h"

#define PIECE (2 * MIB)
/* the code's offset in its piece; the words are in the page before */
#define CODE (PAGE_SIZE + 64)
#define RET  0xc3

static u64 first, end, hole, hole_end, fetched;
static bool filled; /* whether the hole is filled */

/* Returns the word of a piece; each piece has its own word in another place. */
static volatile u64 *word_of(u64 at)
{
	return (volatile u64 *)(at + at / PIECE % 512 * sizeof(u64));
}

static u64 value_of(u64 at)
{
	return ~at;
}

static void tell(const char *what, u64 count)
{
	print(what);
	print(" ");
	print_hex(count);
	print("\n");
}

static void fill(u64 from, u64 to)
{
	for (u64 at = from; at < to; at += PIECE)
		*word_of(at) = value_of(at);
}

static void execute(u64 from, u64 to)
{
	for (u64 at = from + CODE; at < to; at += PIECE) {
		*(volatile u8 *)at = RET;
		((void (*)(void))at)();
	}
}

static u64 count_lost(u64 from, u64 to)
{
	u64 lost = 0;

	for (u64 at = from; at < to; at += PIECE)
		lost += *word_of(at) != value_of(at);
	return lost;
}

static u64 count_foreign(u64 from, u64 to)
{
	u64 foreign = 0;

	for (u64 at = from; at < to; at += sizeof(u64)) {
		volatile u64 *there = (volatile u64 *)at;
		u64 piece = at & ~(PIECE - 1);

		if (*there == 0 || (there == word_of(piece) && *there == value_of(piece)))
			continue;
		foreign++;
		*there = 0x666;
	}
	return foreign;
}

static void obey(char key)
{
	if (key == 'x') {
		execute(first, fetched);
		pass("executed");
	} else if (key == 'f') {
		fill(hole, hole_end);
		filled = true;
		pass("hole-filled");
	} else if (key == 'c') {
		tell("LOST", count_lost(first, hole) + count_lost(hole_end, end) +
				     (filled ? count_lost(hole, hole_end) : 0));
	} else if (key == 's') {
		tell("FOREIGN", count_foreign(hole, hole_end));
	}
}

void guest_main(void)
{
	first = option_number("first", 1024) * MIB;
	end = option_number("end", 2048) * MIB;
	hole = option_number("hole", end / MIB) * MIB;
	hole_end = option_number("hole_end", end / MIB) * MIB;
	fetched = first + option_number("fetch", 0) * PIECE;
	pic_mask_all();
	execute(first, fetched);
	fill(first, hole);
	fill(hole_end, end);
	pass("filled");
	for (;;)
		obey(typed());
}
