/* SPDX-License-Identifier: MIT */
/*
 * Pauses and resumes sandboxes, by the commands that Skerry has for VMs. The table of routes
 * names its handlers; each waits for Skerry's replies with nothing but numbers in hand, as sandbox
 * and client may be gone by then.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/live/sandbox.h"
#include "gateway/link/link.h"

enum { SANDBOX_ASKS = 32 };

/* Seconds for which a VM that is busy, as with the snapshot of a fork, is asked again. */
#define SANDBOX_BUSY_S	5.0
#define SANDBOX_AGAIN_S 0.1

/* What was asked of Skerry for a request. */
static struct sandbox_ask {
	uint32_t request; /* 0: free */
	uint64_t box;
	bool pauses;
	double again_s; /* when to ask again, by clock_now_s(); 0: Skerry has not answered */
	double until_s; /* when to ask no more */
} sandbox_asks[SANDBOX_ASKS];

static bool sandbox_is_busy(json_t *reply)
{
	const char *code = json_string_value(json_object_get(reply, "code"));

	return code && !strcmp(code, "busy");
}

static void sandbox_changed(uint64_t place, json_t *reply)
{
	struct sandbox_ask *ask = &sandbox_asks[place];
	struct request *request = request_find(ask->request);
	const char *status = json_string_value(json_object_get(reply, "status"));
	struct run *box = run_find(ask->box);

	if (box && request && sandbox_is_busy(reply) && clock_now_s() < ask->until_s) {
		ask->again_s = clock_now_s() + SANDBOX_AGAIN_S;
		return;
	}
	ask->request = 0;
	if (box && status && !strcmp(status, "ok"))
		box->paused = ask->pauses;
	if (!request)
		return;
	if (!status || strcmp(status, "ok"))
		answer_problem_json(request, problem_of_reply(reply));
	else if (!box)
		answer_problem(request, 404, "not-found", "the sandbox has ended");
	else
		answer_json(request, 200, sandbox_json(box));
}

/* Asks Skerry what is at that place. Answers the request and frees the place if it cannot. */
static void sandbox_ask_now(size_t place)
{
	struct sandbox_ask *ask = &sandbox_asks[place];
	struct request *request = request_find(ask->request);
	struct run *box = run_find(ask->box);
	const char *words[] = {box ? box->vm : "", NULL};

	ask->again_s = 0;
	if (box && link_ask(link_command(ask->pauses ? "vm pause" : "vm resume", words, box->actor),
			    sandbox_changed, place))
		return;
	ask->request = 0;
	if (request && box)
		answer_problem(request, 503, "busy", "Skerry takes no more requests now");
	else if (request)
		answer_problem(request, 404, "not-found", "the sandbox has ended");
}

void sandbox_pause_tick(void)
{
	for (size_t place = 0; place < SANDBOX_ASKS; place++) {
		if (sandbox_asks[place].request && sandbox_asks[place].again_s > 0 &&
		    clock_now_s() >= sandbox_asks[place].again_s)
			sandbox_ask_now(place);
	}
}

static void sandbox_set_paused(struct request *request, bool pauses)
{
	struct run *box = sandbox_of(request);
	size_t place = 0;

	if (!box)
		return;
	if (box->state != RUN_UNDER_WAY || box->paused == pauses) {
		answer_problem(request, 409, "bad-state",
			       box->state != RUN_UNDER_WAY ? "the sandbox is not there yet"
			       : pauses			   ? "the sandbox is paused already"
							   : "the sandbox is not paused");
		return;
	}
	while (place < SANDBOX_ASKS && sandbox_asks[place].request)
		place++;
	if (place == SANDBOX_ASKS) {
		answer_problem(request, 503, "busy", "Skerry takes no more requests now");
		return;
	}
	sandbox_asks[place] = (struct sandbox_ask){
		.request = request->id,
		.box = box->number,
		.pauses = pauses,
		.until_s = clock_now_s() + SANDBOX_BUSY_S,
	};
	sandbox_ask_now(place);
}

void sandbox_pause(struct request *request)
{
	sandbox_set_paused(request, true);
}

void sandbox_resume(struct request *request)
{
	sandbox_set_paused(request, false);
}
