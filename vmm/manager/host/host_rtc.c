/* SPDX-License-Identifier: MIT */
#include "vmm/manager/host/host_rtc.h"

#define STATUS_B_24_HOURS 0x02u
#define STATUS_B_BINARY	  0x04u
#define HOUR_PM		  0x80u

static u32 number(const struct host_rtc *rtc, u8 value)
{
	if (rtc->status_b & STATUS_B_BINARY)
		return value;
	return (u32)(value >> 4) * 10 + (value & 0xf);
}

static u32 hour(const struct host_rtc *rtc)
{
	u32 value = number(rtc, (u8)(rtc->hour & ~HOUR_PM));

	if (rtc->status_b & STATUS_B_24_HOURS)
		return number(rtc, rtc->hour);
	/* Twelve comes before one. */
	return value % 12 + ((rtc->hour & HOUR_PM) != 0 ? 12 : 0);
}

/* Days from 1970-01-01 in the Gregorian calendar; the year is counted from March. */
static u64 days(u32 year, u32 month, u32 day)
{
	u32 y = month > 2 ? year : year - 1;
	u32 m = month > 2 ? month - 3 : month + 9;

	return (u64)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

bool host_rtc_to_unix(const struct host_rtc *rtc, u64 *seconds)
{
	u32 century = rtc->century != 0 ? number(rtc, rtc->century) : 20;
	u32 year = century * 100 + number(rtc, rtc->year);
	u32 month = number(rtc, rtc->month);
	u32 day = number(rtc, rtc->day);

	if (century < 20 || century > 99 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour(rtc) > 23 || number(rtc, rtc->minute) > 59 || number(rtc, rtc->second) > 59)
		return false;
	*seconds =
		((days(year, month, day) * 24 + hour(rtc)) * 60 + number(rtc, rtc->minute)) * 60 +
		number(rtc, rtc->second);
	return true;
}
