/* SPDX-License-Identifier: MIT */
/*
 * What the first write to a page costs, in TSC cycles, once somebody has frozen it: 'w' writes to a
 * hundred pages that follow each other, 'r' reads them first, 'a' to 'c' touch all RAM of 16, 64
 * and 512 MiB, 'i' has the monitor do so with 64 MiB.
 */
#include "tests/guest/rt/devices.h"

#define PIT_100_HZ ((u16)(PIT_HZ / 100))
#define PAGE	   4096u
#define FIRST	   0x800000u /* 8 MiB: nothing of this guest lies there */
#define COUNT	   100u
#define SPLIT	   (FIRST + COUNT * PAGE) /* an address in the same block */

static volatile u64 *word_of(u32 address)
{
	return (volatile u64 *)(word)address;
}

/* The block's first page has to make slots for all of it: it is counted apart. */
static void write_all(const char *name)
{
	u64 start = read_tsc();
	u64 first, end;

	*word_of(SPLIT) = start;
	first = read_tsc();
	for (u32 i = 0; i < COUNT; i++)
		*word_of(FIRST + i * PAGE) = first;
	/* the time is read before anything is printed, as each character is an exit */
	end = read_tsc();
	print("COST ");
	print(name);
	print(" ");
	print_hex(first - start);
	print(" ");
	print_hex((end - first) / COUNT);
	print("\n");
}

/* Reads all pages; each page has a leaf of its own afterwards. */
static void read_all(void)
{
	*word_of(SPLIT) = 1;
	for (u32 i = 0; i <= COUNT; i++)
		(void)*word_of(FIRST + i * PAGE);
}

static void touch(u32 mib)
{
	for (u32 at = FIRST; at < mib * 0x100000u; at += PAGE)
		*word_of(at) = at;
	say("TOUCHED", mib);
}

/* String input is the monitor's: it writes. */
static void touch_by_input(u32 mib)
{
	for (word at = FIRST; at < mib * 0x100000u; at += PAGE) {
		word to = at;

		asm volatile("insb" : "+D"(to) : "d"(0x61) : "memory");
	}
	say("TOUCHED", mib);
}

static void obey(char key)
{
	switch (key) {
	case 'r':
		read_all();
		write_all("mapped");
		break;
	case 'w':
		write_all("unmapped");
		break;
	case 'a':
		touch(16);
		break;
	case 'b':
		touch(64);
		break;
	case 'c':
		touch(512);
		break;
	case 'i':
		touch_by_input(64);
		break;
	}
}

void guest_main(void)
{
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_RATE, PIT_100_HZ);
	write_all("fresh");
	for (;;) {
		obey(typed());
		interrupts_on();
		asm volatile("hlt");
		interrupts_off();
	}
}
