/* SPDX-License-Identifier: MIT */
/*
 * The handler of forecasts: when memory, a store or a share of CPUs will be used up. The table of
 * routes names it; it reads histories and the cache of the host, and has history/ compute.
 */
#include "gateway/core/history/forecast.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/core/api/api.h"
#include "gateway/core/api/history.h"
#include "gateway/core/common/number.h"
#include "gateway/core/history/history_form.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/rate.h"

enum {
	FORECAST_HOUR_S = 3600,
	/* a share of CPUs counts as used up in an hour in which so much of it was used */
	FORECAST_BUSY_PERCENT = 95,
	/* reading and computing a series takes core as long as so many more requests */
	FORECAST_CHARGE = 2,
};

struct forecast_query {
	const char *what, *series;
	const struct history_form *form;
	double limit; /* NAN: that of the series */
	unsigned days;
	int64_t hour_s; /* when the present hour began, in seconds since 1970 */
	struct history_point *points;
};

static double forecast_vm_number(const char *what, const char *key)
{
	const struct host_vm *vm = host_find(what + strlen("vm/"));

	return vm ? (double)json_integer_value(json_object_get(vm->list, key)) : 0;
}

/* Returns the limit of a series of the thing; NAN: it has none, or it is not known. */
static double forecast_limit(const struct forecast_query *query, const char *series)
{
	double limit = NAN;

	if (!isnan(query->limit))
		return query->limit;
	if (!strcmp(series, "free_bytes"))
		return 0;
	if (!strcmp(series, "busy_percent"))
		return FORECAST_BUSY_PERCENT;
	if (!strcmp(series, "resident_bytes"))
		limit = forecast_vm_number(query->what, "memory_bytes");
	if (!strcmp(series, "cpu_percent")) {
		limit = forecast_vm_number(query->what, "cap_percent");
		if (limit <= 0)
			limit = 100 * forecast_vm_number(query->what, "vcpus");
		limit = limit * FORECAST_BUSY_PERCENT / 100;
	}
	return limit > 0 ? limit : NAN;
}

/* Returns whether the answer has the series: the one that was asked for, or each with a limit. */
static bool forecast_has(const struct forecast_query *query, const char *series)
{
	return query->series ? !strcmp(query->series, series)
			     : !isnan(forecast_limit(query, series));
}

static json_t *forecast_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* Returns the time of an hour ahead, in seconds since 1970, or null. */
static json_t *forecast_time(const struct forecast_query *query, double ahead_h)
{
	return isnan(ahead_h) ? json_null()
			      : json_integer((json_int_t)(query->hour_s +
							  (int64_t)ahead_h * FORECAST_HOUR_S));
}

static json_t *forecast_item(const struct forecast_query *query, unsigned series)
{
	static const char *const states[] = {
		[FORECAST_SHORT] = "not-enough-history",
		[FORECAST_NOT] = "not-within",
		[FORECAST_MAYBE] = "possible",
		[FORECAST_LIKELY] = "expected",
		[FORECAST_NOW] = "reached",
	};
	const char *name = query->form->series[series].name;
	double limit = forecast_limit(query, name);
	bool falls = !strcmp(name, "free_bytes");
	struct forecast forecast;
	double hours[FORECAST_HOURS];

	for (unsigned i = 0; i < FORECAST_HOURS; i++)
		hours[i] = query->points[i].count ? query->points[i].mean[series] : NAN;
	forecast = forecast_compute(hours, limit, falls, query->days);
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:i, s:i, s:o, s:o, s:o}", "series", name,
			 "state", isnan(limit) ? "no-limit" : states[forecast.state], "limit",
			 forecast_number(limit), "comparison", falls ? "below" : "above", "now",
			 forecast_number(forecast.now), "per_day",
			 forecast_number(forecast.per_day), "days", (int)forecast.days,
			 "ahead_days", (int)(forecast.horizon_h / 24), "earliest",
			 forecast_time(query, forecast.earliest_h), "likely",
			 forecast_time(query, forecast.likely_h), "latest",
			 forecast_time(query, forecast.latest_h));
}

static void forecast_answer(struct request *request, const struct forecast_query *query)
{
	json_t *items = json_array();

	for (unsigned i = 0; i < query->form->count; i++) {
		if (!forecast_has(query, query->form->series[i].name))
			continue;
		rate_charge(request, FORECAST_CHARGE);
		json_array_append_new(items, forecast_item(query, i));
	}
	answer_age(request);
	answer_json(request, 200,
		    json_pack("{s:s, s:I, s:o}", "what", query->what, "time",
			      (json_int_t)time(NULL), "items", items));
}

/* Reads the limit and the days of the query. Returns false after an answer. */
static bool forecast_read(struct request *request, struct forecast_query *query)
{
	const char *limit = request_query(request, "limit");
	int64_t number = number_read(limit, 0, INT64_C(1000000000000000000));
	int64_t days = number_read(request_query(request, "days"), FORECAST_DAYS, FORECAST_DAYS);
	bool known = !query->series;

	for (unsigned i = 0; i < query->form->count && !known; i++)
		known = !strcmp(query->form->series[i].name, query->series);
	query->limit = limit ? (double)number : NAN;
	query->days = (unsigned)days;
	if (!known)
		answer_problem(request, 422, "bad-argument",
			       "\"series\" must be one that /v1/history has of this kind of thing, "
			       "such as cpu_percent of a VM");
	else if (number < 0 || (limit && !query->series))
		answer_problem(
			request, 422, "bad-argument",
			"\"limit\" must be a whole number from 0 to 1e18, and \"series\" say "
			"what it is a limit of");
	else if (days < 1)
		answer_problem(request, 422, "bad-argument", "\"days\" must be from 1 to %d",
			       FORECAST_DAYS);
	else
		return true;
	return false;
}

void api_forecast(struct request *request)
{
	const char *what = request_query(request, "what");
	struct forecast_query query = {
		.what = what ? what : "host",
		.series = request_query(request, "series"),
	};
	int64_t now = time(NULL);
	uint32_t from;

	query.form = history_thing(request, query.what);
	if (!query.form || !forecast_read(request, &query))
		return;
	query.hour_s = now - now % FORECAST_HOUR_S;
	if (query.hour_s >= UINT32_MAX || query.hour_s < FORECAST_HOURS * FORECAST_HOUR_S) {
		answer_problem(request, 503, "failed",
			       "the clock of this system is not set, so histories have no times");
		return;
	}
	from = (uint32_t)(query.hour_s - (FORECAST_HOURS - 1) * FORECAST_HOUR_S);
	query.points = calloc(FORECAST_HOURS, sizeof(*query.points));
	if (!query.points)
		answer_problem(request, 500, "no-memory",
			       "the gateway has no memory for the answer");
	else if (history_read(query.what, from, FORECAST_HOUR_S, FORECAST_HOURS, query.points) ||
		 history_thing_exists(query.what))
		forecast_answer(request, &query);
	else
		history_answer_missing(request, query.form);
	free(query.points);
}
