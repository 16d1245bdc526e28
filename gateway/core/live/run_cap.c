/* SPDX-License-Identifier: MIT */
/*
 * The cap of a run's VM: which share of the CPU time it gets at most. run_frame.c calls
 * it before the run's init is sown; it asks Skerry by the link.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/core/http/problem.h"
#include "gateway/core/live/run.h"
#include "gateway/link/link.h"

static void run_capped(uint64_t number, json_t *reply)
{
	struct run *run = run_find(number);
	const char *status = json_string_value(json_object_get(reply, "status"));

	if (!run || run->result || !run->cap_asked)
		return;
	if (!status || strcmp(status, "ok")) {
		run->problem = problem_of_reply(reply);
		run_stop(run, "failed");
		return;
	}
	run->cap_set = true;
	if (run->state == RUN_AT_GATE && run->link.greeted) {
		run_frame_seed(run);
		run_frame_push(run);
	}
}

bool run_cap(struct run *run)
{
	char cap[24];
	const char *words[] = {run->vm, cap, NULL};
	json_t *ask;

	if (run->limits.cap_percent == 0 || run->cap_set)
		return true;
	if (run->cap_asked)
		return false;
	snprintf(cap, sizeof(cap), "cap=%u%%", run->limits.cap_percent);
	ask = link_command("vm set", words, run->actor);
	json_object_set_new(ask, "order", json_string("any"));
	run->cap_asked = true;
	if (link_ask(ask, run_capped, run->number))
		return false;
	run->problem = problem_json(503, "busy", "Skerry takes no more requests now", NULL);
	run_stop(run, "failed");
	return false;
}
