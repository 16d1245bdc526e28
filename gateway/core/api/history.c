/* SPDX-License-Identifier: MIT */
/*
 * The handler of histories: the values of the host, a VM, a disk, a network or a store in each step
 * of a time. The table of routes names it; it reads the ring files and the samples that wait to be
 * written.
 */
#include "gateway/core/api/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/core/api/api.h"
#include "gateway/core/common/number.h"
#include "gateway/core/history/history.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/rate.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/scope.h"

enum {
	/*
	 * the most points in an answer: of a second each, or of longer steps, which have three
	 * values each
	 */
	HISTORY_SECONDS = 3600,
	HISTORY_POINTS = 1500,
	HISTORY_STEP_MOST_S = 30 * 24 * 3600,
	HISTORY_USUAL_S = 3600,
	/*
	 * number of values whose writing takes core as long as one more request, and of records
	 * read
	 */
	HISTORY_VALUES_EACH = 1000,
	HISTORY_RECORDS_EACH = 1000,
};

#define HISTORY_NO_VM "there is no such VM, nor a history of one"

struct history_query {
	const char *what;
	const struct history_form *form;
	uint32_t from, step_s, count;
};

const struct history_form *history_thing(struct request *request, const char *what)
{
	const struct history_form *form = history_form(what);
	const char *name = strchr(what, '/');

	if (!form)
		answer_problem(request, 422, "bad-argument",
			       "\"what\" must be host, vm/NAME, disk/NAME, net/NAME or store/NAME");
	else if (!name || !strcmp(request->who.scope, "*"))
		return form;
	else if (strcmp(form->kind, "vm") != 0)
		answer_problem(request, 403, "forbidden",
			       "disks, networks and stores belong to no VM, so this needs the "
			       "scope *");
	else if (scope_has(request->who.scope, name + 1))
		return form;
	else
		answer_problem(request, 404, "not-found", HISTORY_NO_VM);
	return NULL;
}

bool history_thing_exists(const char *what)
{
	return !strcmp(what, "host") || (!strncmp(what, "vm/", 3) && host_find(what + 3));
}

void history_answer_missing(struct request *request, const struct history_form *form)
{
	answer_problem(request, 404, "not-found", "%s",
		       !strcmp(form->kind, "vm") ? HISTORY_NO_VM
						 : "no history of this name is kept");
}

static int64_t history_points_most(int64_t step)
{
	return step == 1 ? HISTORY_SECONDS : HISTORY_POINTS;
}

/* Returns the finest step of the kept records at which the answer is not too long. */
static uint32_t history_usual_step(int64_t now, int64_t from, int64_t to)
{
	int64_t step = 3600;

	for (int tier = HISTORY_HOUR; tier >= HISTORY_SECOND; tier--) {
		int64_t each = history_tiers[tier].step_s;

		if (now - from <= each * history_tiers[tier].records &&
		    to - (from - from % each) <= each * history_points_most(each))
			step = each;
	}
	while (to - (from - from % step) > step * history_points_most(step))
		step += 3600;
	return (uint32_t)step;
}

static bool history_take_time(struct request *request, struct history_query *query)
{
	int64_t now = time(NULL);
	int64_t to = number_read(request_query(request, "to"), now, UINT32_MAX);
	int64_t from =
		number_read(request_query(request, "from"), to - HISTORY_USUAL_S, UINT32_MAX);
	int64_t step, count;

	if (to > now)
		to = now;
	if (from < 0 || to < 0 || from >= to) {
		answer_problem(request, 422, "bad-argument",
			       "\"from\" must be before \"to\" and before now, both in seconds "
			       "since 1970");
		return false;
	}
	step = number_read(request_query(request, "step"), history_usual_step(now, from, to),
			   HISTORY_STEP_MOST_S);
	if (step < 1 || (step > 59 && step % 60)) {
		answer_problem(request, 422, "bad-argument",
			       "\"step\" must be 1 to 59 seconds, or whole minutes up to 30 days "
			       "(%d)",
			       HISTORY_STEP_MOST_S);
		return false;
	}
	from -= from % step;
	count = (to - from + step - 1) / step;
	if (count > history_points_most(step)) {
		answer_problem(request, 422, "bad-argument",
			       "the answer would have %lld points and may have %lld: ask for a "
			       "greater \"step\" or a shorter time",
			       (long long)count, (long long)history_points_most(step));
		return false;
	}
	query->from = (uint32_t)from;
	query->step_s = (uint32_t)step;
	query->count = (uint32_t)count;
	return true;
}

static void history_add_value(struct buffer *out, double value, double scale)
{
	if (isnan(value))
		buffer_text(out, "null");
	else
		buffer_format(out, "%.*f", scale >= 100 ? 2 : scale >= 10 ? 1 : 0, value);
}

/* Adds a list of a series' values; `offset` is the value's offset in struct history_point. */
static void history_add_list(struct buffer *out, const struct history_query *query, unsigned series,
			     const char *name, size_t offset, const struct history_point *points)
{
	buffer_format(out, ",\"%s\":[", name);
	for (uint32_t i = 0; i < query->count; i++) {
		const double *values = (const double *)((const char *)&points[i] + offset);

		if (i)
			buffer_add(out, ",", 1);
		history_add_value(out, points[i].count ? values[series] : NAN,
				  query->form->series[series].scale);
	}
	buffer_add(out, "]", 1);
}

/*
 * Charges a long history to the asker's rate as several requests, as it costs core that much time.
 */
static void history_charge(const struct request *request, const struct history_query *query)
{
	uint32_t values = query->count * query->form->count * (query->step_s > 1 ? 3 : 1);

	rate_charge(request,
		    values / HISTORY_VALUES_EACH +
			    history_records(query->step_s, query->count) / HISTORY_RECORDS_EACH);
}

static void history_answer(struct request *request, const struct history_query *query,
			   const struct history_point *points)
{
	struct buffer out = {0};

	buffer_format(&out, "{\"what\":\"%s\",\"from\":%u,\"to\":%u,\"step\":%u,\"series\":[",
		      query->what, query->from, query->from + query->count * query->step_s,
		      query->step_s);
	for (unsigned i = 0; i < query->form->count; i++) {
		buffer_format(&out, "%s{\"name\":\"%s\"", i ? "," : "",
			      query->form->series[i].name);
		history_add_list(&out, query, i, "mean", offsetof(struct history_point, mean),
				 points);
		if (query->step_s > 1) {
			history_add_list(&out, query, i, "least",
					 offsetof(struct history_point, least), points);
			history_add_list(&out, query, i, "most",
					 offsetof(struct history_point, most), points);
		}
		buffer_add(&out, "}", 1);
	}
	buffer_text(&out, "]}");
	answer_age(request);
	answer_json_text(request, 200, &out);
	buffer_free(&out);
}

void api_history(struct request *request)
{
	const char *what = request_query(request, "what");
	struct history_query query = {.what = what ? what : "host"};
	struct history_point *points;

	query.form = history_thing(request, query.what);
	if (!query.form || !history_take_time(request, &query))
		return;
	history_charge(request, &query);
	points = calloc(query.count, sizeof(*points));
	if (!points)
		answer_problem(request, 500, "no-memory",
			       "the gateway has no memory for the answer");
	else if (history_read(query.what, query.from, query.step_s, query.count, points) ||
		 history_thing_exists(query.what))
		history_answer(request, &query, points);
	else
		history_answer_missing(request, query.form);
	free(points);
}
