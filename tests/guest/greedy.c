/* SPDX-License-Identifier: MIT */
/* Uses all the memory it has, `mib=N`: each page is written, then read again. */
#include "tests/guest/rt/devices.h"

#define FIRST 0x1000000ull /* above the image */

void guest_main(void)
{
	u64 end = option_number("mib", 32) * MIB;
	bool good = true;

	for (u64 at = FIRST; at < end; at += PAGE_SIZE)
		*(volatile u64 *)at = at ^ end;
	for (u64 at = FIRST; at < end; at += PAGE_SIZE)
		good &= *(volatile u64 *)at == (at ^ end);
	check("all-memory", good, "a page is not what was written");
	interrupts_off();
	for (;;)
		halt();
}
