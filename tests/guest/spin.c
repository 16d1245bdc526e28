/* SPDX-License-Identifier: MIT */
/* Never ends and never waits: tests of sharing run several of it side by side. */
#include "tests/guest/rt/devices.h"

/* Looks for devices where no PC has any. */
static void look_around(void)
{
	for (u16 port = 0x5f00; port < 0x5f03; port++)
		out8(port, in8(port));
	for (u32 reg = 0; reg < 0x10; reg += 4)
		*register32(0xfed40000 + reg) += 1;
}

void guest_main(void)
{
	pic_mask_all();
	if (option("around"))
		look_around();
	pass("started");
	/* with interrupts off the host must get the CPU back just as well */
	if (!option("off"))
		interrupts_on();
	for (;;)
		relax();
}
