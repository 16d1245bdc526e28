/* SPDX-License-Identifier: MIT */
/*
 * Has a Linux guest begin its random numbers anew from what it has gathered, as the Perl line of
 * the guide to snapshots does: the test's guests have no Perl.
 */
#include "tests/guest/linux/call.h"

/* <linux/random.h> */
#define RNDRESEEDCRNG 0x5207
#define WRITE_ONLY    1

void _start(void);

void _start(void)
{
	long file = call(SYSTEM_OPEN, (long)"/dev/random", WRITE_ONLY, 0);

	call(SYSTEM_EXIT, call(SYSTEM_IOCTL, file, RNDRESEEDCRNG, 0) != 0, 0, 0);
}
