/* SPDX-License-Identifier: MIT */
/* Writes a word in each 2 MiB of RAM from first= to end= (MiB): it was 0, and keeps its value. */
#include "tests/guest/rt/devices.h"

#define PIECE (2 * MIB)

/* A different word of each piece. */
static volatile u64 *word_of(u64 at)
{
	return (volatile u64 *)(at + at / PIECE % 512 * sizeof(u64));
}

void guest_main(void)
{
	u64 first = option_number("first", 1024) * MIB;
	u64 end = option_number("end", 2048) * MIB;
	u64 set = 0;
	u64 lost = 0;

	pic_mask_all();
	for (u64 at = first; at < end; at += PIECE) {
		set += *word_of(at) != 0;
		*word_of(at) = ~at;
	}
	for (u64 at = first; at < end; at += PIECE)
		lost += *word_of(at) != ~at;
	check("clear", set == 0, "somebody's words were there");
	check("kept", lost == 0, "words are lost");
	/* keeps its mappings, for them to be inspected */
	for (;;)
		halt();
}
