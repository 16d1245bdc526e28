/* SPDX-License-Identifier: MIT */
/*
 * Converts between dates and seconds since 1970. Called by the monitor's RTC, the manager's clock
 * and log; pure arithmetic without state.
 */
#include "vmm/rt/date.h"

#define DAY_SECONDS    86400
#define DAYS_400_YEARS 146097
#define DAYS_TO_1970   719468 /* days from 1 March of year 0 to 1 January 1970 */

/*
 * Years begin in March here, so that the leap day is the last of its year: the day of the year at
 * which month m (0 is March) begins is (153 m + 2) / 5.
 */
s64 date_to_seconds(const struct date *time)
{
	s64 month = (time->month + 9) % 12;
	/* 400 years are added, as `/` rounds negative numbers up */
	s64 year = 400 + (s64)time->year - (month >= 10);
	s64 days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
		   time->day - 1 - DAYS_TO_1970 - DAYS_400_YEARS;

	return days * DAY_SECONDS + (s64)time->hour * 3600 + (s64)time->minute * 60 + time->second;
}

struct date date_from_seconds(s64 seconds)
{
	s64 days = seconds / DAY_SECONDS;
	u32 in_day;
	u32 in_cycle;
	u32 year;
	u32 in_year;
	u32 month;
	s64 cycle;

	if (seconds < 0 && seconds % DAY_SECONDS)
		days--;
	in_day = (u32)(seconds - days * DAY_SECONDS);
	days += DAYS_TO_1970;
	cycle = days / DAYS_400_YEARS;
	if (days < 0 && days % DAYS_400_YEARS)
		cycle--;
	in_cycle = (u32)(days - cycle * DAYS_400_YEARS);
	year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	in_year = in_cycle - (year * 365 + year / 4 - year / 100);
	month = (5 * in_year + 2) / 153;

	return (struct date){
		.year = (u32)(cycle * 400 + year) + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
		.weekday = (in_cycle + 3) % 7 + 1, /* 1 March of year 0 was a Wednesday */
		.hour = in_day / 3600,
		.minute = in_day / 60 % 60,
		.second = in_day % 60,
	};
}
