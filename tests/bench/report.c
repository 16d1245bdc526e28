/* SPDX-License-Identifier: MIT */
/*
 * Prints one line of a benchmark: its name, the least and the mean count. Called by the guests of
 * this folder; writes to the serial port.
 */
#include "tests/bench/report.h"

static void print_decimal(u64 value)
{
	char digits[24];
	u32 at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	print(digits + at);
}

void report(const char *name, u64 least, u64 mean)
{
	print("BENCH ");
	print(name);
	print(" ");
	print_decimal(least);
	print(" ");
	print_decimal(mean);
	print("\n");
}
