/* SPDX-License-Identifier: MIT */
/*
 * The requests that wait for a run's end, and their answers. Handlers and the table of runs call
 * it; of a run it changes only which requests wait.
 */
#include <stdio.h>

#include "gateway/core/common/clock.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/live/run.h"

static void run_answer(struct run *run, struct request *request)
{
	char place[48];

	request->audit = 0;
	if (run->state == RUN_DONE && run->problem) {
		answer_problem_json(request, json_copy(run->problem));
		return;
	}
	if (run->answers) {
		run->answers(run, request);
		return;
	}
	if (run->state != RUN_DONE) {
		snprintf(place, sizeof(place), "/v1/runs/%llu", (unsigned long long)run->number);
		answer_header(request, "Location", place);
	}
	answer_json(request, run->state == RUN_DONE ? 200 : 202, run_json(run, true));
}

/* Returns whether a sandbox is there: who waits for it need not wait for its end. */
static bool run_is_ready(const struct run *run)
{
	return run->kind == RUN_SANDBOX && run->state == RUN_UNDER_WAY;
}

bool run_wait(struct run *run, struct request *request, unsigned wait_s)
{
	for (size_t i = 0; i < RUN_REQUESTS; i++) {
		if (run->waiting[i].id)
			continue;
		run->waiting[i] = (struct run_waiting){
			.id = request->id,
			.until_s = clock_now_s() + wait_s,
			.streams = run_stream_wanted(request),
		};
		if (run->waiting[i].streams)
			run_stream_begin(run, request);
		return true;
	}
	return false;
}

void run_answer_all(struct run *run, double now_s)
{
	run_put_look(run, now_s);
	for (size_t i = 0; i < RUN_REQUESTS; i++) {
		struct request *request;

		if (run->waiting[i].id && run->waiting[i].streams) {
			run_stream_push(run, &run->waiting[i]);
			continue;
		}
		if (!run->waiting[i].id || (run->state != RUN_DONE && !run_is_ready(run) &&
					    now_s < run->waiting[i].until_s))
			continue;
		request = request_find(run->waiting[i].id);
		run->waiting[i].id = 0;
		if (request)
			run_answer(run, request);
	}
}

void run_consumed(uint32_t id)
{
	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		for (size_t i = 0; i < RUN_REQUESTS; i++) {
			if (run->waiting[i].id == id && run->waiting[i].streams)
				run_stream_push(run, &run->waiting[i]);
		}
	}
}
