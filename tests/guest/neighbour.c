/* SPDX-License-Identifier: MIT */
/* The healthy neighbour of hostile guests, as a tiny guest: see checker.h. */
#include "tests/guest/checker.h"
#include "tests/guest/rt/devices.h"

#define AREA_AT		0x1000000ull
#define COM1		0x3f8u
#define LINE_STATUS	(COM1 + 5)
#define LINE_DATA_READY 1u

static bool checker_typed(u8 *byte)
{
	if ((in8(LINE_STATUS) & LINE_DATA_READY) == 0)
		return false;
	*byte = in8(COM1);
	return true;
}

NORETURN static void checker_end(bool good)
{
	check("pattern", good, "somebody else wrote here");
	finish();
}

void guest_main(void)
{
	pic_mask_all();
	checker_run((u64 *)AREA_AT, option_number("key", 1));
}
