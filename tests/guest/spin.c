/* SPDX-License-Identifier: MIT */
/* Never ends and never waits: what tests of sharing put beside each other. */
#include "tests/guest/rt/cpu.h"

void guest_main(void)
{
	pass("started");
	for (;;)
		relax();
}
