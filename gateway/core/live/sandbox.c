/* SPDX-License-Identifier: MIT */
/*
 * Sandboxes and the commands in them: how many there may be, how they begin and end beside other
 * runs. Handlers and the table of runs call it; it asks Skerry by what runs have for that.
 */
#include "gateway/core/live/sandbox.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/identity/share.h"

/* Returns how many runs of the kind have not ended, of `who` (NULL: of all). */
static size_t sandbox_count(enum run_kind kind, const struct identity *who)
{
	size_t count = 0;

	for (const struct run *run = run_next(NULL); run; run = run_next(run))
		count += run->kind == kind && run->state != RUN_DONE &&
			 (!who || share_same(&run->owner, who));
	return count;
}

json_t *sandbox_json(const struct run *box)
{
	double now_s = clock_now_s(), began_s = box->began_s > 0 ? box->began_s : now_s;
	double left_s = box->limits.wall_s - (now_s - began_s);
	const char *state = box->result			  ? "ended"
			    : box->state != RUN_UNDER_WAY ? "starting"
			    : box->paused		  ? "paused"
							  : "running";
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)box->number);
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:f, s:f}", "id", number, "template",
			 box->template, "owner", box->owner.name, "state", state, "result",
			 box->result, "age_s", now_s - began_s, "left_s",
			 box->result || left_s < 0 ? 0.0 : left_s);
}

static void sandbox_answer(const struct run *box, struct request *request)
{
	char place[48];

	snprintf(place, sizeof(place), "/v1/sandboxes/%llu", (unsigned long long)box->number);
	answer_header(request, "Location", place);
	if (box->result && box->problem)
		answer_problem_json(request, json_copy(box->problem));
	else if (box->result)
		answer_problem(request, 503, "failed", "the sandbox did not come to be: %s",
			       box->result);
	else
		answer_json(request, box->state == RUN_UNDER_WAY ? 201 : 202, sandbox_json(box));
}

/* Gives a sandbox its VM: one that waits at the gate, or a new one. */
static void sandbox_start(struct run *box)
{
	if (!run_take_spare(box))
		run_clone(box);
}

bool sandbox_begin(struct request *request, const struct run_order *order, const char *from,
		   unsigned wait_s)
{
	struct run *box = NULL;

	if (sandbox_count(RUN_SANDBOX, NULL) < SANDBOXES &&
	    sandbox_count(RUN_SANDBOX, &request->who) < SANDBOXES_OF_ONE)
		box = run_make(request, order, RUN_SANDBOX);
	if (!box) {
		answer_retry_after(request, 1);
		answer_problem(request, 429, "busy",
			       "there are too many sandboxes: at most %d of one token or user, %d "
			       "in all",
			       SANDBOXES_OF_ONE, SANDBOXES);
		return false;
	}
	if (from)
		string_copy(box->from, sizeof(box->from), from);
	box->answers = sandbox_answer;
	run_wait(box, request, wait_s);
	sandbox_start(box);
	run_answer_all(box, clock_now_s());
	return true;
}

struct run *sandbox_of(struct request *request)
{
	int64_t number = number_read(request->item, 0, INT64_MAX / 10);
	struct run *box = number > 0 ? run_find((uint64_t)number) : NULL;

	if (box && box->kind == RUN_SANDBOX && !box->result &&
	    share_same(&box->owner, &request->who))
		return box;
	answer_problem(request, 404, "not-found", "you have no such sandbox, or it has ended");
	return NULL;
}

struct run *sandbox_ready(struct request *request)
{
	struct run *box = sandbox_of(request);

	if (!box || (box->state == RUN_UNDER_WAY && !box->paused))
		return box;
	answer_problem(request, 409, "bad-state",
		       box->paused ? "the sandbox is paused: resume it first"
				   : "the sandbox is not there yet");
	return NULL;
}

struct run *sandbox_run(struct request *request, struct run *box, const struct run_order *order)
{
	struct run_order in_box = *order;
	struct run *run = NULL;

	in_box.template = box->template;
	if (sandbox_count(RUN_INSIDE, NULL) < SANDBOX_COMMANDS &&
	    sandbox_count(RUN_INSIDE, &request->who) < SANDBOX_COMMANDS_OF_ONE)
		run = run_make(request, &in_box, RUN_INSIDE);
	if (!run) {
		answer_retry_after(request, 1);
		answer_problem(request, 429, "busy",
			       "too many commands go on in sandboxes: at most %d of one token or "
			       "user, %d in all",
			       SANDBOX_COMMANDS_OF_ONE, SANDBOX_COMMANDS);
		return NULL;
	}
	run->box = box->number;
	string_copy(run->vm, sizeof(run->vm), box->vm);
	run->began_s = clock_now_s();
	run_connect(run);
	return run;
}

void sandbox_set_time(struct run *box, double timeout_s)
{
	box->limits.wall_s = timeout_s;
	if (box->began_s > 0)
		box->limits.wall_s += clock_now_s() - box->began_s;
}

void sandbox_leave(struct run *command)
{
	json_t *stream = command->link.stream ? json_integer(command->link.stream) : NULL;

	run_close_stream(stream);
	json_decref(stream);
	command->link.stream = 0;
	run_done(command);
}

void sandbox_end_commands(const struct run *box)
{
	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->kind == RUN_INSIDE && run->box == box->number)
			run_stop(run, "stopped");
	}
}

void sandbox_look(struct run *box, double now_s)
{
	if (*box->from && box->state != RUN_WAITING && box->state != RUN_CLONING)
		sandbox_drop_snapshot(box->from);
	if (box->result)
		return;
	/* Who has lost the right to it does not keep it until its time is over. */
	if (!identity_alive(&box->owner, time(NULL)))
		run_stop(box, "stopped");
	else if (box->state == RUN_WAITING && now_s - box->asked_s > RUN_GATE_S)
		run_stop(box, "no-gate");
	else if (box->state == RUN_WAITING && now_s >= box->again_s)
		sandbox_start(box);
}
