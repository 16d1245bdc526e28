/* SPDX-License-Identifier: MIT */
/* Prints `lines` numbered lines of 64 bytes, then whatever it receives. */
#include "tests/guest/rt/devices.h"

#define COM1	   0x3f8
#define COM1_LSR   (COM1 + 5)
#define DATA_READY 1u

static void print_line(u64 number)
{
	char line[] = "line ................................................... 000000\n";
	const char *at = line;
	word count = sizeof(line) - 1;

	for (u32 i = 0; i < 6; i++) {
		line[sizeof(line) - 3 - i] = (char)('0' + number % 10);
		number /= 10;
	}
	/* the line goes out in one exit, so that the console is never full */
	asm volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(COM1) : "memory");
}

void guest_main(void)
{
	u64 lines = option_number("lines", 0);

	pic_mask_all();
	for (u64 i = 0; i < lines; i++)
		print_line(i);
	pass("started");
	for (;;) {
		if (in8(COM1_LSR) & DATA_READY)
			out8(COM1, in8(COM1));
		relax();
	}
}
