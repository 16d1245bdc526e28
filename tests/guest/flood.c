/* SPDX-License-Identifier: MIT */
/* Sends one empty line after the other to its console, for ever: the manager hears of each. */
#include "tests/guest/rt/devices.h"

void guest_main(void)
{
	pass("started");
	for (;;)
		out8(0x3f8, '\n');
}
