/* SPDX-License-Identifier: MIT */
/*
 * Counts the timer's interrupts and says the next number after every few of them, until 'q' is
 * typed: whoever moves the guest about meanwhile must neither lose nor repeat anything. At 'p' it
 * panics.
 */
#include "tests/guest/rt/devices.h"

#define PIT_1000_HZ ((u16)(PIT_HZ / 1000))
#define EACH	    20u /* the interrupts of each kind */
#define WORDS	    4096u
#define PANIC_PORT  0x505u

static volatile u64 memory[WORDS];

/* Turns a page over: every word of it must be the last round's, and becomes this round's. */
static bool turn_over(u64 round)
{
	bool same = true;

	for (u32 i = 0; i < WORDS; i++) {
		same = same && memory[i] == round - 1;
		memory[i] = round;
	}
	return same;
}

void guest_main(void)
{
	volatile u32 *count = &trap_count[VECTOR_PIC_MASTER];
	u64 last = read_tsc();
	u64 backwards = 0;
	u64 changed = 0;
	u64 round = 0;
	char key;

	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_RATE, PIT_1000_HZ);
	interrupts_on();
	pass("started");
	while ((key = typed()) != 'q') {
		u32 until = *count + EACH;

		if (key == 'p')
			out8(PANIC_PORT, 1);
		while ((s32)(*count - until) < 0) {
			u64 now = read_tsc();

			backwards += now < last;
			last = now;
			asm volatile("hlt");
		}
		round++;
		changed += !turn_over(round);
		print("COUNT ");
		print_hex(round);
		print("\n");
	}
	interrupts_off();
	check_equal("tsc-backwards", backwards, 0);
	check_equal("memory-changed", changed, 0);
	finish();
}
