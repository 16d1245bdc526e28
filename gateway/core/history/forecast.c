/* SPDX-License-Identifier: MIT */
/*
 * Computes when a quantity reaches a limit. A handler calls it with the means of the last hours; it
 * looks at its arguments and nothing else, and its work is the same for all of them: some ten
 * thousand steps.
 *
 * Days are counted back from now: day 0 is the last 24 hours. The season is the median, over all
 * days, of how far an hour is from its day's median. The trend is the median of the slopes of all
 * pairs of days (Theil and Sen), so that steps and single days have little weight. It begins at the
 * last day and not at the middle of the history, so that a step behind it does no harm. How wrong a
 * trend can be after k days is seen in the history: how far days that are k apart were from it.
 */
#include "gateway/core/history/forecast.h"

#include <math.h>
#include <stdlib.h>

enum {
	FORECAST_DAY_HOURS = 12, /* known hours that make a day known */
	FORECAST_RECENT = 2,	 /* one of the last days has to be known */
	FORECAST_PAIRS = FORECAST_DAYS * (FORECAST_DAYS - 1) / 2,
};

#define FORECAST_QUANTILE 0.8
#define FORECAST_MIDDLE	  11.5 /* hours from a day's last hour back to its middle */

/* Hours are [day][hour], counted back: hours[0][0] is the last hour. */
struct forecast_fit {
	double hours[FORECAST_DAYS][24];
	double season[24];
	double days[FORECAST_DAYS]; /* the median of each day without the season; NAN: unknown */
	double slope;		    /* a day */
	double level;		    /* of the last known day, at its middle */
	unsigned level_day;
	double off[FORECAST_DAYS]; /* how far the trend was off after so many days */
	double noise;		   /* how far an hour is off its day */
};

static double forecast_larger(double a, double b)
{
	return a > b ? a : b;
}

static int forecast_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values, and returns their quantile; NAN if there is none. */
static double forecast_quantile(double *values, unsigned count, double quantile)
{
	double at = quantile * (count ? count - 1 : 0);
	unsigned low = (unsigned)at;

	if (!count)
		return NAN;
	qsort(values, count, sizeof(*values), forecast_order);
	if (low + 1 >= count)
		return values[count - 1];
	return values[low] + (values[low + 1] - values[low]) * (at - low);
}

static double forecast_day_median(const struct forecast_fit *fit, unsigned day)
{
	double values[24];
	unsigned count = 0;

	for (unsigned hour = 0; hour < 24; hour++) {
		if (!isnan(fit->hours[day][hour]))
			values[count++] = fit->hours[day][hour] - fit->season[hour];
	}
	return count >= FORECAST_DAY_HOURS ? forecast_quantile(values, count, 0.5) : NAN;
}

static void forecast_find_season(struct forecast_fit *fit)
{
	for (unsigned hour = 0; hour < 24; hour++) {
		double values[FORECAST_DAYS];
		unsigned count = 0;

		for (unsigned day = 0; day < FORECAST_DAYS; day++) {
			if (!isnan(fit->days[day]) && !isnan(fit->hours[day][hour]))
				values[count++] = fit->hours[day][hour] - fit->days[day];
		}
		fit->season[hour] = count ? forecast_quantile(values, count, 0.5) : 0;
	}
}

/* Finds the median of each day. Returns how many days are known. */
static unsigned forecast_find_days(struct forecast_fit *fit)
{
	unsigned count = 0;

	for (unsigned day = 0; day < FORECAST_DAYS; day++) {
		fit->days[day] = forecast_day_median(fit, day);
		if (!isnan(fit->days[day]))
			count++;
	}
	return count;
}

static void forecast_find_slope(struct forecast_fit *fit)
{
	double slopes[FORECAST_PAIRS];
	unsigned count = 0;

	for (unsigned late = 0; late < FORECAST_DAYS; late++) {
		for (unsigned early = late + 1; early < FORECAST_DAYS; early++) {
			double slope = (fit->days[late] - fit->days[early]) / (early - late);

			if (!isnan(slope))
				slopes[count++] = slope;
		}
	}
	fit->slope = forecast_quantile(slopes, count, 0.5);
	/* What the trend does in a day is no part of the season. */
	for (unsigned hour = 0; hour < 24; hour++)
		fit->season[hour] -= fit->slope * (FORECAST_MIDDLE - hour) / 24;
}

/* The last known day begins the trend. Returns false if it is too long ago. */
static bool forecast_find_level(struct forecast_fit *fit)
{
	for (fit->level_day = 0; fit->level_day < FORECAST_RECENT; fit->level_day++) {
		fit->level = fit->days[fit->level_day];
		if (!isnan(fit->level))
			return true;
	}
	return false;
}

/*
 * Finds how far a trend was off after 1 to FORECAST_DAYS - 1 days. Beyond half of the history too
 * few pairs of days are so far apart, fewer than half of the known days; what was seen closer
 * together grows with the days there. If no days are so close together, as of what runs each fourth
 * day, the closest ones say it.
 */
static void forecast_find_off(struct forecast_fit *fit, unsigned known)
{
	unsigned seen = 0; /* the most days apart of which it is known */
	double most = 0;

	for (unsigned apart = 1; apart < FORECAST_DAYS; apart++) {
		double values[FORECAST_DAYS];
		unsigned count = 0;

		for (unsigned late = 0; late + apart < FORECAST_DAYS; late++) {
			double off = fit->days[late] - fit->days[late + apart] - fit->slope * apart;

			if (!isnan(off))
				values[count++] = fabs(off);
		}
		if (count && (2 * count >= known || !seen)) {
			most = forecast_larger(most,
					       forecast_quantile(values, count, FORECAST_QUANTILE));
			for (unsigned closer = 1; !seen && closer < apart; closer++)
				fit->off[closer] = most;
			seen = apart;
		}
		fit->off[apart] = seen ? most * apart / seen : 0;
	}
	fit->off[0] = fit->off[1] / 2;
}

static void forecast_find_noise(struct forecast_fit *fit)
{
	double values[FORECAST_HOURS];
	unsigned count = 0;

	for (unsigned day = 0; day < FORECAST_DAYS; day++) {
		for (unsigned hour = 0; hour < 24; hour++) {
			double off = fit->hours[day][hour] - fit->season[hour] - fit->days[day];

			if (!isnan(off))
				values[count++] = fabs(off);
		}
	}
	fit->noise = forecast_quantile(values, count, FORECAST_QUANTILE);
}

/* Looks for the first hours ahead at which the limit, 0, is reached from below. */
static void forecast_look_ahead(const struct forecast_fit *fit, struct forecast *forecast)
{
	for (unsigned ahead = 1; ahead <= forecast->horizon_h; ahead++) {
		double days = fit->level_day + (FORECAST_MIDDLE + ahead) / 24;
		unsigned day = (unsigned)days;
		double off =
			day + 1 < FORECAST_DAYS
				? fit->off[day] + (fit->off[day + 1] - fit->off[day]) * (days - day)
				: fit->off[FORECAST_DAYS - 1] * days / (FORECAST_DAYS - 1);
		double likely = fit->level + fit->slope * days + fit->season[23 - (ahead - 1) % 24];
		double range = off + fit->noise;

		if (isnan(forecast->earliest_h) && likely + range >= 0)
			forecast->earliest_h = ahead;
		if (isnan(forecast->likely_h) && likely >= 0)
			forecast->likely_h = ahead;
		if (isnan(forecast->latest_h) && likely - range >= 0)
			forecast->latest_h = ahead;
	}
	forecast->state = !isnan(forecast->likely_h)	 ? FORECAST_LIKELY
			  : !isnan(forecast->earliest_h) ? FORECAST_MAYBE
							 : FORECAST_NOT;
}

/* Returns the days from the first known one to now. */
static unsigned forecast_span(const struct forecast_fit *fit)
{
	unsigned span = 0;

	for (unsigned day = 0; day < FORECAST_DAYS; day++) {
		if (!isnan(fit->days[day]))
			span = day + 1;
	}
	return span;
}

/* Takes the hours so that the quantity rises to 0. Returns the last known one. */
static double forecast_take(struct forecast_fit *fit, const double *hours, double limit, bool falls)
{
	double now = NAN;

	for (unsigned back = 0; back < FORECAST_HOURS; back++) {
		double value = hours[FORECAST_HOURS - 1 - back];

		fit->hours[back / 24][back % 24] = falls ? limit - value : value - limit;
		if (isnan(now) && back < 24 * FORECAST_RECENT)
			now = value;
	}
	return now;
}

struct forecast forecast_compute(const double hours[FORECAST_HOURS], double limit, bool falls,
				 unsigned most_days)
{
	struct forecast forecast = {FORECAST_SHORT, 0, 0, NAN, NAN, NAN, NAN, NAN};
	struct forecast_fit fit = {0};
	unsigned span;

	forecast.now = forecast_take(&fit, hours, limit, falls);
	if (falls ? forecast.now <= limit : forecast.now >= limit)
		forecast.state = FORECAST_NOW;
	forecast.days = forecast_find_days(&fit);
	if (forecast.state == FORECAST_NOW || forecast.days < FORECAST_LEAST_DAYS ||
	    !forecast_find_level(&fit))
		return forecast;
	forecast_find_season(&fit);
	forecast_find_days(&fit);
	forecast_find_slope(&fit);
	forecast_find_off(&fit, forecast.days);
	forecast_find_noise(&fit);
	forecast.per_day = falls ? -fit.slope : fit.slope;
	span = forecast_span(&fit);
	forecast.horizon_h = 24 * (most_days < span ? most_days : span);
	forecast_look_ahead(&fit, &forecast);
	return forecast;
}
