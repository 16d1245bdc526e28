/* SPDX-License-Identifier: MIT */
/* Never ends and never waits: what tests of sharing put beside each other. */
#include "tests/guest/rt/devices.h"

void guest_main(void)
{
	pic_mask_all();
	pass("started");
	/* with interrupts off the host must get the CPU back just as well */
	if (!option("off"))
		interrupts_on();
	for (;;)
		relax();
}
