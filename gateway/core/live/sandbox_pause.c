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

/* What was asked of Skerry for a request. */
static struct sandbox_ask {
	uint32_t request; /* 0: free */
	uint64_t box;
	bool pauses;
} sandbox_asks[SANDBOX_ASKS];

static void sandbox_changed(uint64_t place, json_t *reply)
{
	struct sandbox_ask ask = sandbox_asks[place];
	struct request *request = request_find(ask.request);
	const char *status = json_string_value(json_object_get(reply, "status"));
	struct run *box = run_find(ask.box);

	sandbox_asks[place].request = 0;
	if (box && status && !strcmp(status, "ok"))
		box->paused = ask.pauses;
	if (!request)
		return;
	if (!status || strcmp(status, "ok"))
		answer_problem_json(request, problem_of_reply(reply));
	else if (!box)
		answer_problem(request, 404, "not-found", "the sandbox has ended");
	else
		answer_json(request, 200, sandbox_json(box));
}

static void sandbox_set_paused(struct request *request, bool pauses)
{
	struct run *box = sandbox_of(request);
	const char *words[] = {box ? box->vm : "", NULL};
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
	if (place < SANDBOX_ASKS) {
		sandbox_asks[place] = (struct sandbox_ask){request->id, box->number, pauses};
		if (link_ask(link_command(pauses ? "vm pause" : "vm resume", words, box->actor),
			     sandbox_changed, place))
			return;
		sandbox_asks[place].request = 0;
	}
	answer_problem(request, 503, "busy", "Skerry takes no more requests now");
}

void sandbox_pause(struct request *request)
{
	sandbox_set_paused(request, true);
}

void sandbox_resume(struct request *request)
{
	sandbox_set_paused(request, false);
}
