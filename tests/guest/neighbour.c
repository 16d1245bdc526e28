/* SPDX-License-Identifier: MIT */
/*
 * The healthy one beside hostile guests: fills 32 MiB with a keyed pattern and verifies it over and
 * over, with another key every eighth time. A key typed on its console makes it tell how often it
 * went through, `q` ends it. A word that is not what was written ends it at once with FAIL.
 */
#include "tests/guest/rt/devices.h"

#define AREA_AT	     0x1000000ull
#define AREA_WORDS   (32 * MIB / sizeof(u64))
#define BLOCK_WORDS  (MIB / sizeof(u64)) /* between two looks at the console */
#define PASSES_A_KEY 8u

#define COM1		0x3f8u
#define LINE_STATUS	(COM1 + 5)
#define LINE_DATA_READY 1u

static u64 *const area = (u64 *)AREA_AT;
static u64 passes;

/* Each word depends on its place and the key alone: a page that has moved is seen too. */
static u64 pattern(u64 key, u64 place)
{
	u64 x = (key ^ place) * 0x9e3779b97f4a7c15ull;

	return x ^ x >> 29;
}

static void fill(u64 key)
{
	for (u64 i = 0; i < AREA_WORDS; i++)
		area[i] = pattern(key, i);
}

static void answer_console(void)
{
	u8 typed;

	if ((in8(LINE_STATUS) & LINE_DATA_READY) == 0)
		return;
	typed = in8(COM1);
	print("PASSES ");
	print_hex(passes);
	print("\n");
	if (typed == 'q') {
		check("pattern", passes > 0, "never verified");
		finish();
	}
}

static void verify(u64 key)
{
	for (u64 i = 0; i < AREA_WORDS; i++) {
		if (i % BLOCK_WORDS == 0)
			answer_console();
		if (area[i] == pattern(key, i))
			continue;
		print("  word ");
		print_hex(i);
		print(" is ");
		print_hex(area[i]);
		print("\n");
		fail("pattern", "somebody else wrote here");
		finish();
	}
	passes++;
}

void guest_main(void)
{
	pic_mask_all();
	print("NEIGHBOUR\n");
	for (u64 key = option_number("key", 1);; key = pattern(key, ~0ull)) {
		fill(key);
		for (u32 i = 0; i < PASSES_A_KEY; i++)
			verify(key);
	}
}
