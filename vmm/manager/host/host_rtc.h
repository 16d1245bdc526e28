/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The CMOS clock's registers as read (MC146818 data sheet, table 3). */
struct host_rtc {
	u8 second;
	u8 minute;
	u8 hour;
	u8 day;
	u8 month;
	u8 year;
	u8 century; /* the register with the century; 0: the host has none */
	u8 status_b;
};

/*
 * Converts to seconds since 1970, taking the clock as UTC. Returns false if the registers hold no
 * date.
 */
bool host_rtc_to_unix(const struct host_rtc *rtc, u64 *seconds);
