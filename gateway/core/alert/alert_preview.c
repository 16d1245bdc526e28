/* SPDX-License-Identifier: MIT */
/*
 * Computes when a rule would have fired, by applying the code for new samples (alert_state.c) to
 * the samples in histories. A handler calls it; it reads histories and changes nothing.
 */
#include "gateway/core/alert/alert_preview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"

enum { PREVIEW_PIECE = 1440 }; /* the number of points that are read at a time */

struct preview_things {
	const struct alert_rule *rule;
	char (*names)[HISTORY_WHAT_BYTES]; /* NULL: the things are only counted */
	unsigned count;
	bool named; /* the thing that the rule names has been found */
};

static void preview_add(const struct history_form *form, const char *what, void *context)
{
	struct preview_things *things = context;

	if (!alert_rule_has(things->rule, form, what))
		return;
	things->named = things->named || !strcmp(what, things->rule->what);
	if (things->names)
		string_copy(things->names[things->count], HISTORY_WHAT_BYTES, what);
	things->count++;
}

/*
 * Finds the things that the rule is about: those with samples, and the thing that the rule names,
 * even if that is gone.
 */
static void preview_find(struct preview_things *things)
{
	history_each(preview_add, things);
	if (!things->named && history_form(things->rule->what))
		preview_add(things->rule->form, things->rule->what, things);
}

uint64_t alert_preview_begin(const struct alert_rule *rule, int64_t now, uint32_t seconds,
			     struct alert_preview *preview)
{
	struct preview_things things = {.rule = rule};
	uint32_t step_s = seconds > ALERT_PREVIEW_EXACT_S ? 60 : 1;
	uint32_t end = (uint32_t)now - (uint32_t)now % step_s;

	preview_find(&things);
	*preview = (struct alert_preview){.step_s = step_s, .steps = seconds / step_s};
	preview->from = end - preview->steps * step_s;
	preview->things = things.count;
	return (uint64_t)things.count * preview->steps;
}

static void preview_fired(struct alert_preview *preview, const char *what, int64_t from)
{
	struct alert_preview_time *time = &preview->times[preview->count];

	if (preview->count++ >= ALERT_PREVIEW_SHOWN)
		return;
	string_copy(time->what, sizeof(time->what), what);
	time->from = from;
}

/* Applies the rule to consecutive points of a thing. */
static void preview_take(const struct alert_rule *rule, const char *what,
			 const struct history_point *points, uint32_t count,
			 struct alert_state *state, struct alert_preview *preview)
{
	for (uint32_t i = 0; i < count; i++) {
		double begin_s = (double)points[i].period * preview->step_s;
		double end_s = begin_s + preview->step_s;
		double value = points[i].count ? points[i].mean[rule->series] : NAN;
		enum alert_change change = alert_state_take(rule, state, begin_s, end_s, value);

		preview->samples += isnan(value) ? 0 : 1;
		if (change == ALERT_FIRED)
			preview_fired(preview, what, (int64_t)end_s);
		else if (change == ALERT_CLEARED && preview->count <= ALERT_PREVIEW_SHOWN)
			preview->times[preview->count - 1].to = (int64_t)end_s;
	}
}

static void preview_run_one(const struct alert_rule *rule, const char *what,
			    struct history_point *points, struct alert_preview *preview)
{
	/* A thing without samples before the preview's time does not begin with a gap. */
	struct alert_state state = {.seen_s = preview->from};

	for (uint32_t done = 0; done < preview->steps; done += PREVIEW_PIECE) {
		uint32_t left = preview->steps - done;
		uint32_t count = left < PREVIEW_PIECE ? left : PREVIEW_PIECE;

		if (history_read(what, preview->from + done * preview->step_s, preview->step_s,
				 count, points))
			preview_take(rule, what, points, count, &state, preview);
	}
}

bool alert_preview_run(const struct alert_rule *rule, struct alert_preview *preview)
{
	struct preview_things things = {
		.rule = rule,
		.names = calloc(preview->things + 1, sizeof(*things.names)),
	};
	struct history_point *points = calloc(PREVIEW_PIECE, sizeof(*points));
	bool done = things.names && points;

	if (done)
		preview_find(&things);
	for (unsigned i = 0; done && i < things.count; i++)
		preview_run_one(rule, things.names[i], points, preview);
	free(things.names);
	free(points);
	return done;
}
