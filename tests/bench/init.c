/* SPDX-License-Identifier: MIT */
/* The first process of a Linux guest: says what the TSC shows on arrival, then powers off. */

#include "tests/guest/linux/call.h"

void _start(void);

void _start(void)
{
	char line[48] = "BENCH userspace ";
	unsigned int low;
	unsigned int high;
	unsigned long value;
	unsigned long unit = 1;
	unsigned long at = sizeof("BENCH userspace ") - 1;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	value = (unsigned long)high << 32 | low;
	while (value / unit >= 10)
		unit *= 10;
	for (; unit != 0; unit /= 10)
		line[at++] = (char)('0' + value / unit % 10);
	line[at++] = '\n';
	call(SYSTEM_WRITE, 1, (long)line, (long)at);
	power_off();
}
