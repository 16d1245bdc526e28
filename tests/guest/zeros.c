/* SPDX-License-Identifier: MIT */
/*
 * Memory without content: 'f' writes to 64 MiB, 'z' clears them, 'c' looks whether they are clear,
 * 'e' does so for ever with 4 MiB of it, a page of which is now clear and now not, and says what it
 * has found wrong.
 */
#include "tests/guest/rt/devices.h"

#define PIT_100_HZ ((u16)(PIT_HZ / 100))
#define PAGE	   4096u
#define FIRST	   0x800000u
#define PAGES	   0x4000u
#define FEW	   0x400u
#define ROUND_SAID 64u

static volatile u64 *words_of(u32 page)
{
	return (volatile u64 *)(word)(FIRST + page * PAGE);
}

static void fill(bool clear)
{
	for (u32 page = 0; page < PAGES; page++)
		words_of(page)[page % 512] = clear ? 0 : page + 1;
	say(clear ? "CLEARED" : "FILLED", PAGES);
}

static void look(void)
{
	u32 wrong = 0;

	for (u32 page = 0; page < PAGES; page++)
		wrong += words_of(page)[page % 512] != 0;
	say("WRONG", wrong);
}

/* Returns the content of a page in a round: one page in three is not zero. */
static u64 content(u32 page, u32 round)
{
	return (page + round) % 3 == 0 ? round + 1 : 0;
}

static void exercise(void)
{
	fill(true);
	for (u32 round = 1;; round++) {
		u32 wrong = 0;

		for (u32 page = 0; page < FEW; page++) {
			wrong += round > 1 && words_of(page)[7] != content(page, round - 1);
			words_of(page)[7] = content(page, round);
		}
		if (wrong != 0)
			say("LOST", wrong);
		if (round % ROUND_SAID == 0)
			say("ROUND", round);
	}
}

static void obey(char key)
{
	switch (key) {
	case 'f':
		fill(false);
		break;
	case 'z':
		fill(true);
		break;
	case 'c':
		look();
		break;
	case 'e':
		exercise();
		break;
	}
}

void guest_main(void)
{
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_RATE, PIT_100_HZ);
	say("READY", PAGES);
	for (;;) {
		obey(typed());
		interrupts_on();
		asm volatile("hlt");
		interrupts_off();
	}
}
