/* SPDX-License-Identifier: MIT */
/* A guest that has a disk and asks nothing of it: it halts, and no interrupt comes. */
#include "tests/guest/rt/devices.h"

void guest_main(void)
{
	pic_mask_all();
	for (;;)
		interrupts_on_and_halt();
}
