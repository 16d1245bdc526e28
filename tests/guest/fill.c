/* SPDX-License-Identifier: MIT */
/* Writes a word in each 2 MiB of RAM from first= to end= (MiB): it was 0, and keeps its value. */
#include "tests/guest/rt/devices.h"

#define PIECE	  (2 * MIB)
#define LOW_GIBS  4u /* the GiB that tests/guest/rt/start.S maps */
#define HIGH_GIBS 4u
#define LARGE	  0x83u /* a leaf of 2 MiB, present and writable */
#define TABLE	  0x03u

extern u64 boot_pml4[];
static u64 directory[HIGH_GIBS][512] __attribute__((aligned(4096)));

/* The GiB behind the first four, one to one as they are. */
static void map_high(void)
{
	u64 *pdpt = (u64 *)(boot_pml4[0] & ~0xfffull);

	for (u64 i = 0; i < HIGH_GIBS; i++) {
		for (u64 j = 0; j < 512; j++)
			directory[i][j] = (LOW_GIBS + i) * GIB + j * PIECE + LARGE;
		pdpt[LOW_GIBS + i] = (u64)directory[i] + TABLE;
	}
}

/* Returns the word of a piece, a different word of each. */
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
	map_high();
	for (u64 at = first; at < end; at += PIECE) {
		set += *word_of(at) != 0;
		*word_of(at) = ~at;
	}
	for (u64 at = first; at < end; at += PIECE)
		lost += *word_of(at) != ~at;
	check("clear", set == 0, "somebody's words were there");
	check("kept", lost == 0, "words are lost");
	/* the guest keeps its mappings, so that they can be inspected */
	for (;;)
		halt();
}
