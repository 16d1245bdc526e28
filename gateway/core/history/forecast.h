/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * A forecast says when a quantity will reach a limit, by the means of its last hours: a robust
 * trend with the season of a day, and how far such trends were off in the same hours.
 */
enum {
	FORECAST_DAYS = 28,	 /* the most days that a forecast looks back */
	FORECAST_LEAST_DAYS = 5, /* the least days with samples for a forecast */
	FORECAST_HOURS = 24 * FORECAST_DAYS,
};

enum forecast_state {
	FORECAST_SHORT,	 /* there is not enough history */
	FORECAST_NOT,	 /* the limit is not reached within the horizon */
	FORECAST_MAYBE,	 /* it may be reached within the horizon, and most likely is not */
	FORECAST_LIKELY, /* it is most likely reached within the horizon */
	FORECAST_NOW,	 /* it has been reached: the last hour was at the limit or beyond */
};

struct forecast {
	enum forecast_state state;
	unsigned days;	    /* the days that had enough samples */
	unsigned horizon_h; /* how many hours ahead the forecast looks */
	double now;	    /* the mean of the last hour that is known; NAN: none is */
	double per_day;	    /* the trend, in units of the quantity a day; NAN: FORECAST_SHORT */
	/*
	 * Hours from now to when the limit is reached; NAN: not within the horizon. The limit is
	 * reached between `earliest` and `latest` with 80 %.
	 */
	double earliest_h, likely_h, latest_h;
};

/*
 * Computes when a quantity reaches `limit`, by falling to it if `falls`, else by rising. `hours`
 * has the means of the last FORECAST_HOURS hours, the last one last; NAN is unknown. The forecast
 * looks `most_days` ahead, and no further than the history is long.
 */
struct forecast forecast_compute(const double hours[FORECAST_HOURS], double limit, bool falls,
				 unsigned most_days);
