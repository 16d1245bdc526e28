/* SPDX-License-Identifier: MIT */
/*
 * Limits how many lines a driver's reports may cause in the log. Called by card.c and net_class.c;
 * owns the count of lines in struct driver.
 */
#include "vmm/manager/driver/driver.h"
#include "vmm/rt/clock.h"

bool driver_may_say(struct driver *driver)
{
	u64 now = clock_tsc();

	if (now - driver->said_tsc > clock_ns_to_tsc(DRIVER_SAY_NS)) {
		driver->said_tsc = now;
		driver->said_count = 0;
	}
	return driver->said_count++ < DRIVER_SAY_LINES;
}
