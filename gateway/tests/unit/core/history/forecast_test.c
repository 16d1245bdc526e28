/* SPDX-License-Identifier: MIT */
/*
 * How far forecasts can be trusted: histories of many kinds are made, the forecast of their first
 * part is compared with what comes after. With words (COUNT SEED) the program prints the table of
 * docs/guides/gateway.md and tests nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/string.h"
#include "gateway/core/history/forecast.c"

enum {
	CASES = 300,
	CASES_MOST = 20000,
	PAST = FORECAST_HOURS,
	FUTURE = 24 * FORECAST_DAYS,
};

/* --- histories --- */

enum kind { TREND, STEPS, WALK, TURNS, SAWTOOTH, WEEKEND, GAPS, FLAT, SELDOM, KINDS };
static const char *const kind_names[KINDS] = {
	[TREND] = "a trend",
	[STEPS] = "with steps now and then",
	[WALK] = "a trend that wanders",
	[TURNS] = "a trend that changes once",
	[SAWTOOTH] = "cleaned up each week",
	[WEEKEND] = "with quiet weekends",
	[GAPS] = "with gaps and nightly peaks",
	[FLAT] = "no trend",
	[SELDOM] = "that wanders, known each fourth day",
};

static uint64_t random_state;

/* Returns a number from 0 to 1 (xorshift). */
static double any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) * 0x1p-53;
}

static double bell(void)
{
	double sum = -6;

	for (unsigned i = 0; i < 12; i++)
		sum += any();
	return sum;
}

/* Each has a season of a day, noise that lasts some hours, and what its kind says. */
static void make_history(enum kind kind, double slope, double *values)
{
	double height = any() * 20, noise = 0.5 + any() * 4, phase = any() * 24;
	double trend = kind == FLAT ? 0 : slope, level = 0, near = 0, more = 0;

	for (unsigned hour = 0; hour < PAST + FUTURE; hour++) {
		double clock = fmod(hour + phase, 24);

		level += trend / 24;
		near = 0.8 * near + noise * 0.6 * bell();
		if (kind == STEPS && any() < 1.0 / (24 * 9))
			more += slope * (any() * 6 - 1.5);
		if (kind == WALK || kind == SELDOM)
			more += slope * 0.25 * bell();
		if (kind == SAWTOOTH)
			more = hour % 168 ? more + slope * 1.5 / 24 : 0;
		if (kind == TURNS && hour == PAST / 2)
			trend = slope * (0.2 + any() * 1.6);
		values[hour] = level + more + near;
		if (clock > 8 && clock < 20)
			values[hour] += height * sin((clock - 8) / 12 * M_PI);
		if (kind == WEEKEND && (unsigned)((hour + phase) / 24) % 7 >= 5)
			values[hour] -= height / 2;
		if (kind == GAPS && clock < 1)
			values[hour] += 10 * any();
	}
}

/* --- the comparison --- */

struct score {
	unsigned cases, within, dated, dated_within, calm, calm_wrong;
	unsigned count; /* of `off` and `share` */
	double off[CASES_MOST], share[CASES_MOST];
	unsigned width_count;
	double width[CASES_MOST];
};

/* Returns whether a forecast knows that hour of the history. */
static bool hour_is_known(enum kind kind, unsigned hour)
{
	if (kind == SELDOM)
		return (PAST - 1 - hour) / 24 % 4 == 0;
	return kind != GAPS || any() >= 0.2;
}

static void compare(enum kind kind, struct score *score)
{
	double values[PAST + FUTURE], hours[FORECAST_HOURS], limit = -INFINITY, truth = INFINITY;
	double slope = 0.3 + any() * 2.7, from, to;
	unsigned days =
		FORECAST_LEAST_DAYS + (unsigned)(any() * (FORECAST_DAYS - FORECAST_LEAST_DAYS + 1));
	struct forecast forecast;

	make_history(kind, slope, values);
	for (unsigned hour = 0; hour < PAST; hour++)
		hours[hour] =
			hour >= PAST - 24 * days && hour_is_known(kind, hour) ? values[hour] : NAN;
	for (unsigned hour = PAST - 24; hour < PAST; hour++)
		limit = fmax(limit, values[hour]);
	limit += 0.5 + any() * (kind == FLAT ? 30 : slope * 40);
	forecast = forecast_compute(hours, limit, false, FORECAST_DAYS);
	if (forecast.state == FORECAST_SHORT || forecast.state == FORECAST_NOW)
		return;
	for (unsigned ahead = forecast.horizon_h; ahead >= 1; ahead--)
		truth = values[PAST - 1 + ahead] >= limit ? ahead : truth;
	from = isnan(forecast.earliest_h) ? INFINITY : forecast.earliest_h;
	to = isnan(forecast.latest_h) ? INFINITY : forecast.latest_h;
	score->cases++;
	score->within += truth >= from && truth <= to;
	score->dated += forecast.state == FORECAST_LIKELY;
	score->dated_within += forecast.state == FORECAST_LIKELY && truth >= from && truth <= to;
	score->calm += forecast.state == FORECAST_NOT;
	score->calm_wrong += forecast.state == FORECAST_NOT && isfinite(truth);
	if (forecast.state == FORECAST_LIKELY && isfinite(to))
		score->width[score->width_count++] = (to - from) / 24;
	if (forecast.state != FORECAST_LIKELY || !isfinite(truth))
		return;
	score->off[score->count] = fabs(forecast.likely_h - truth) / 24;
	score->share[score->count++] = fabs(forecast.likely_h - truth) / truth;
}

static void run(enum kind kind, unsigned cases, struct score *score)
{
	memset(score, 0, sizeof(*score));
	for (unsigned i = 0; i < cases; i++)
		compare(kind, score);
}

static unsigned percent(unsigned part, unsigned all)
{
	return all ? (100 * part + all / 2) / all : 0;
}

static void print_table(unsigned cases)
{
	static struct score score;

	printf("| history | in the interval | when a date was said | median error | of the time | "
	       "width | \"not within\" | wrongly |\n|---|---|---|---|---|---|---|---|\n");
	for (enum kind kind = 0; kind < KINDS; kind++) {
		run(kind, cases, &score);
		printf("| %s | %u %% | %u %% of %u | %.1f days | %.0f %% | %.0f days | %u | %u |\n",
		       kind_names[kind], percent(score.within, score.cases),
		       percent(score.dated_within, score.dated), score.dated,
		       forecast_quantile(score.off, score.count, 0.5),
		       100 * forecast_quantile(score.share, score.count, 0.5),
		       forecast_quantile(score.width, score.width_count, 0.5), score.calm,
		       score.calm_wrong);
	}
}

static void test_intervals_hold_what_they_promise(void **state)
{
	static struct score score;

	(void)state;
	random_state = 1;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		run(kind, CASES, &score);
		if (percent(score.within, score.cases) < 80 ||
		    (kind != FLAT && percent(score.dated_within, score.dated) < 75) ||
		    percent(score.calm_wrong, score.calm) > (kind == SELDOM ? 20 : 8))
			fail_msg("%s: %u of %u in the interval, %u of %u with a date, %u of %u "
				 "wrongly calm",
				 kind_names[kind], score.within, score.cases, score.dated_within,
				 score.dated, score.calm_wrong, score.calm);
	}
	run(TREND, CASES, &score);
	assert_true(forecast_quantile(score.off, score.count, 0.5) < 2);
}

/* --- single histories --- */

static double plain[FORECAST_HOURS];

/* A straight line that is at `end` now, of which `days` days are known. */
static void make_line(double end, double per_day, unsigned days)
{
	for (unsigned i = 0; i < FORECAST_HOURS; i++)
		plain[i] = i < FORECAST_HOURS - 24 * days
				   ? NAN
				   : end - (FORECAST_HOURS - 1 - i) * per_day / 24;
}

static void test_a_line_is_extended(void **state)
{
	struct forecast forecast;

	(void)state;
	make_line(80, 2, 28);
	forecast = forecast_compute(plain, 100, false, 28);
	assert_int_equal(forecast.state, FORECAST_LIKELY);
	assert_true(fabs(forecast.per_day - 2) < 1e-6 && forecast.now == 80);
	assert_true(fabs(forecast.likely_h - 240) <= 2);
	assert_true(forecast.earliest_h <= forecast.likely_h);
	assert_true(forecast.latest_h >= forecast.likely_h);
	make_line(80, -2, 28);
	forecast = forecast_compute(plain, 60, true, 28);
	assert_int_equal(forecast.state, FORECAST_LIKELY);
	assert_true(fabs(forecast.per_day + 2) < 1e-6 && fabs(forecast.likely_h - 240) <= 2);
	assert_int_equal(forecast_compute(plain, 100, false, 28).state, FORECAST_NOT);
}

static void test_what_cannot_be_said_is_not_said(void **state)
{
	struct forecast forecast;

	(void)state;
	make_line(80, 2, FORECAST_LEAST_DAYS - 1);
	forecast = forecast_compute(plain, 100, false, 28);
	assert_int_equal(forecast.state, FORECAST_SHORT);
	assert_int_equal(forecast.days, FORECAST_LEAST_DAYS - 1);
	assert_true(isnan(forecast.per_day) && isnan(forecast.likely_h) && forecast.now == 80);
	/* No further ahead than the history is long, or than one asks. */
	make_line(80, 2, 9);
	assert_int_equal(forecast_compute(plain, 100, false, 28).state, FORECAST_NOT);
	assert_int_equal(forecast_compute(plain, 100, false, 28).horizon_h, 9 * 24);
	make_line(80, 2, 28);
	assert_int_equal(forecast_compute(plain, 100, false, 9).state, FORECAST_NOT);
	/* A history that ended days ago says nothing of now. */
	for (unsigned i = FORECAST_HOURS - 72; i < FORECAST_HOURS; i++)
		plain[i] = NAN;
	forecast = forecast_compute(plain, 100, false, 28);
	assert_int_equal(forecast.state, FORECAST_SHORT);
	assert_true(isnan(forecast.now));
	for (unsigned i = 0; i < FORECAST_HOURS; i++)
		plain[i] = NAN;
	assert_int_equal(forecast_compute(plain, 100, false, 28).state, FORECAST_SHORT);
}

static void test_a_reached_limit_is_said_at_once(void **state)
{
	(void)state;
	make_line(100, 2, 1);
	assert_int_equal(forecast_compute(plain, 100, false, 28).state, FORECAST_NOW);
	assert_int_equal(forecast_compute(plain, 100, true, 28).state, FORECAST_NOW);
}

static void test_a_step_is_no_trend(void **state)
{
	struct forecast forecast;

	(void)state;
	make_line(50, 0, 28);
	for (unsigned i = FORECAST_HOURS - 72; i < FORECAST_HOURS; i++)
		plain[i] = 80;
	forecast = forecast_compute(plain, 200, false, 28);
	assert_true(forecast.per_day == 0);
	assert_int_equal(forecast.state, FORECAST_NOT);
}

/* Values as large as records can hold, and any mixture, do no harm. */
static void test_any_values(void **state)
{
	(void)state;
	random_state = 3;
	for (unsigned i = 0; i < 200; i++) {
		struct forecast forecast;

		for (unsigned hour = 0; hour < FORECAST_HOURS; hour++)
			plain[hour] = any() < 0.3   ? NAN
				      : any() < 0.2 ? 4.6e18 * any()
				      : any() < 0.5 ? 0
						    : any();
		forecast = forecast_compute(plain, 1e18 * any(), any() < 0.5, 28);
		assert_true(isnan(forecast.likely_h) || forecast.earliest_h <= forecast.likely_h);
		assert_true(isnan(forecast.latest_h) || forecast.likely_h <= forecast.latest_h);
		assert_true(forecast.horizon_h <= 24 * FORECAST_DAYS);
	}
}

int main(int count, char **words)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals_hold_what_they_promise),
		cmocka_unit_test(test_a_line_is_extended),
		cmocka_unit_test(test_what_cannot_be_said_is_not_said),
		cmocka_unit_test(test_a_reached_limit_is_said_at_once),
		cmocka_unit_test(test_a_step_is_no_trend),
		cmocka_unit_test(test_any_values),
	};

	if (count != 3)
		return cmocka_run_group_tests(tests, NULL, NULL);
	random_state = strtoull(words[2], NULL, 10) | 1;
	print_table((unsigned)strtoul(words[1], NULL, 10) % (CASES_MOST + 1));
	return 0;
}
