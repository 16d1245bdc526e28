/* SPDX-License-Identifier: MIT */
/*
 * Sets how many clones of which templates wait at the gate, so that a run need not wait for a clone
 * of its own. A handler sets the numbers, the table of runs asks for them; a restart of the gateway
 * forgets them, and the clones.
 */
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/live/run.h"
#include "gateway/core/live/template.h"

/* seconds in which no new clone of a template is made, after one did not come to the gate */
enum { RUN_WARM_AGAIN_S = 10 };

static struct {
	char template[NAME_BYTES];
	unsigned count;
	double again_s;
} run_warm_templates[RUNS_WARM];

static unsigned run_warm_count(const char *template)
{
	unsigned count = 0;

	for (const struct run *run = run_next(NULL); run; run = run_next(run))
		count += run->spare && !run->result && !strcmp(run->template, template);
	return count;
}

const char *run_warm_wanted(double now_s)
{
	for (size_t i = 0; i < RUNS_WARM; i++) {
		const char *template = run_warm_templates[i].template;

		if (run_warm_templates[i].count && now_s >= run_warm_templates[i].again_s &&
		    host_find(template) && !template_is_dropped(template) &&
		    run_warm_count(template) < run_warm_templates[i].count)
			return template;
	}
	return NULL;
}

void run_warm_failed(const char *template, double now_s)
{
	for (size_t i = 0; i < RUNS_WARM; i++) {
		if (!strcmp(run_warm_templates[i].template, template))
			run_warm_templates[i].again_s = now_s + RUN_WARM_AGAIN_S;
	}
}

void run_warm_shrink(const char *template, unsigned count)
{
	unsigned has = run_warm_count(template);

	for (struct run *run = run_next(NULL); run && has > count; run = run_next(run)) {
		if (!run->spare || run->result || strcmp(run->template, template))
			continue;
		run_stop(run, "stopped");
		has--;
	}
}

/* Returns the place of a template, or a free one; RUNS_WARM: there is none. */
static size_t run_warm_place(const char *template)
{
	size_t place = RUNS_WARM;

	for (size_t i = 0; i < RUNS_WARM; i++) {
		if (!strcmp(run_warm_templates[i].template, template))
			return i;
		if (!run_warm_templates[i].count && place == RUNS_WARM)
			place = i;
	}
	return place;
}

unsigned run_warm_of(const char *template)
{
	size_t place = run_warm_place(template);

	return place < RUNS_WARM && !strcmp(run_warm_templates[place].template, template)
		       ? run_warm_templates[place].count
		       : 0;
}

void run_warm_keep(const char *template, unsigned count)
{
	size_t place = run_warm_place(template);

	if (place == RUNS_WARM || (count == 0 && run_warm_of(template) == 0))
		return;
	string_copy(run_warm_templates[place].template, NAME_BYTES, template);
	run_warm_templates[place].count = count;
	run_warm_templates[place].again_s = 0;
	run_warm_shrink(template, count);
}

void run_warm_set(struct request *request)
{
	const struct field *field = fields_below(&request->fields, "body", "count");
	bool number = field && field->type == FIELD_NUMBER;
	unsigned others = 0;
	int64_t count;

	count = number_read(number ? field->value : NULL, -1, RUNS_WARM);
	for (size_t i = 0; i < RUNS_WARM; i++) {
		if (strcmp(run_warm_templates[i].template, request->vm))
			others += run_warm_templates[i].count;
	}
	if (count < 0 || others + (unsigned)count > RUNS_WARM) {
		answer_problem(request, 422, "bad-argument",
			       "\"count\" must be a number, of all templates together at most %d",
			       RUNS_WARM);
		return;
	}
	run_warm_keep(request->vm, (unsigned)count);
	answer_json(request, 200, json_pack("{s:b}", "changed", true));
}
