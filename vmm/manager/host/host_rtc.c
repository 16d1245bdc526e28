/* SPDX-License-Identifier: MIT */
/* Converts the registers of the CMOS clock to Unix time. Called by machine.c; holds no state. */
#include "vmm/manager/host/host_rtc.h"
#include "vmm/rt/date.h"

#define STATUS_B_24_HOURS 0x02u
#define STATUS_B_BINARY	  0x04u
#define HOUR_PM		  0x80u

static u32 host_rtc_number(const struct host_rtc *rtc, u8 value)
{
	if (rtc->status_b & STATUS_B_BINARY)
		return value;
	return (u32)(value >> 4) * 10 + (value & 0xf);
}

static u32 host_rtc_hour(const struct host_rtc *rtc)
{
	u32 value = host_rtc_number(rtc, (u8)(rtc->hour & ~HOUR_PM));

	if (rtc->status_b & STATUS_B_24_HOURS)
		return host_rtc_number(rtc, rtc->hour);
	/* On a 12-hour clock the hour after midnight and after noon is shown as twelve. */
	return value % 12 + ((rtc->hour & HOUR_PM) != 0 ? 12 : 0);
}

bool host_rtc_to_unix(const struct host_rtc *rtc, u64 *seconds)
{
	u32 century = rtc->century != 0 ? host_rtc_number(rtc, rtc->century) : 20;
	u32 year = century * 100 + host_rtc_number(rtc, rtc->year);
	u32 month = host_rtc_number(rtc, rtc->month);
	u32 day = host_rtc_number(rtc, rtc->day);
	struct date date;

	if (century < 20 || century > 99 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    host_rtc_hour(rtc) > 23 || host_rtc_number(rtc, rtc->minute) > 59 ||
	    host_rtc_number(rtc, rtc->second) > 59)
		return false;
	date = (struct date){
		.year = year,
		.month = month,
		.day = day,
		.hour = host_rtc_hour(rtc),
		.minute = host_rtc_number(rtc, rtc->minute),
		.second = host_rtc_number(rtc, rtc->second),
	};
	*seconds = (u64)date_to_seconds(&date);
	return true;
}
