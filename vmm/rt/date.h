/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A date of the Gregorian calendar, without leap seconds. */
struct date {
	u32 year;
	u32 month;   /* the month, 1 to 12 */
	u32 day;     /* the day of the month, 1 to 31 */
	u32 weekday; /* 1 is Sunday */
	u32 hour;
	u32 minute;
	u32 second;
};

/* Converts seconds since 1970 to a date, for years 0 to 9999. */
struct date date_from_seconds(s64 seconds);
/*
 * Converts a date to seconds since 1970. Ignores the weekday; fields out of range carry into the
 * next larger field.
 */
s64 date_to_seconds(const struct date *time);
