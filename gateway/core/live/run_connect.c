/* SPDX-License-Identifier: MIT */
/*
 * The way of a run from its VM to the init in it: calls, which Skerry answers with the number of a
 * stream or not yet. The table of runs calls it; it asks Skerry by the link, in turn with all who
 * make connections.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/core/common/clock.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/identity/share.h"
#include "gateway/core/live/call.h"
#include "gateway/core/live/run.h"
#include "gateway/link/link.h"

enum { RUN_ATTEMPTS = 12, RUN_CALLS_INSIDE = 8 };

/*
 * The owners of the calls to sandboxes that are under way, by the numbers of their runs, which may
 * be gone before Skerry's reply.
 */
static struct run_call {
	uint64_t number; /* 0: free */
	struct identity owner;
} run_calls[RUN_CALLS_INSIDE];

/* Begins a call of a command in a sandbox, as far as its owner has none under way. */
static bool run_call_inside(const struct run *run)
{
	struct run_call *free = NULL;

	for (size_t i = 0; i < RUN_CALLS_INSIDE; i++) {
		if (!run_calls[i].number)
			free = &run_calls[i];
		else if (share_same(&run_calls[i].owner, &run->owner))
			return false;
	}
	if (!free || !call_begin(CALL_INSIDE))
		return false;
	*free = (struct run_call){run->number, run->owner};
	return true;
}

static void run_call_end(uint64_t number, enum call_kind kind)
{
	call_end(kind);
	for (size_t i = 0; kind == CALL_INSIDE && i < RUN_CALLS_INSIDE; i++) {
		if (run_calls[i].number == number)
			run_calls[i].number = 0;
	}
}

/*
 * Lets those runs connect to their clones that had to wait for another call to end, or for their
 * guest to be ready.
 */
static void run_connect_waiting(void)
{
	double now_s = clock_now_s();

	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->state == RUN_CONNECTING && now_s >= run->again_s)
			run_connect(run);
	}
}

bool run_is_later(json_t *reply)
{
	const char *code = json_string_value(json_object_get(reply, "code"));

	return code &&
	       (!strcmp(code, "not-found") || !strcmp(code, "failed") || !strcmp(code, "busy"));
}

static void run_take_stream(struct run *run, json_t *reply)
{
	json_t *stream =
		json_object_get(json_array_get(json_object_get(reply, "result"), 0), "stream");

	if (!json_is_integer(stream) && !run_is_later(reply)) {
		run_fail(run, problem_of_reply(reply));
		return;
	}
	if (!json_is_integer(stream)) {
		/*
		 * The clone's init is not listening yet, or has not noticed yet that it was cloned.
		 */
		run->again_s = clock_now_s() + RUN_AGAIN_MS / 1000.0;
		return;
	}
	run->state = RUN_AT_GATE;
	buffer_free(&run->link.in);
	buffer_free(&run->link.out);
	run->link = (struct run_link){.stream = json_integer_value(stream)};
	link_tell(json_pack("{s:I, s:i}", "credit", (json_int_t)run->link.stream, "bytes",
			    RUN_CREDIT));
}

static void run_stream_closed(uint64_t unused, json_t *reply)
{
	(void)unused;
	(void)reply;
}

void run_close_stream(json_t *stream)
{
	char number[24];
	const char *words[] = {number, NULL};

	if (!json_is_integer(stream))
		return;
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(stream));
	link_ask(link_command("stream close", words, "run"), run_stream_closed, 0);
}

static void run_connected(uint64_t number, json_t *reply, enum call_kind kind)
{
	struct run *run = run_find(number);

	run_call_end(number, kind);
	if (run && run->state == RUN_CONNECTING)
		run_take_stream(run, reply);
	else
		run_close_stream(json_object_get(
			json_array_get(json_object_get(reply, "result"), 0), "stream"));
	run_connect_waiting();
}

static void run_connected_first(uint64_t number, json_t *reply)
{
	run_connected(number, reply, CALL_FIRST);
}

static void run_connected_again(uint64_t number, json_t *reply)
{
	run_connected(number, reply, CALL_AGAIN);
}

static void run_connected_inside(uint64_t number, json_t *reply)
{
	run_connected(number, reply, CALL_INSIDE);
}

void run_connect(struct run *run)
{
	static link_reply *const took[] = {[CALL_FIRST] = run_connected_first,
					   [CALL_AGAIN] = run_connected_again,
					   [CALL_INSIDE] = run_connected_inside};
	const char *words[] = {run->vm, "1023", NULL};
	enum call_kind kind = run->kind == RUN_INSIDE ? CALL_INSIDE
			      : run->attempts	      ? CALL_AGAIN
						      : CALL_FIRST;

	run->state = RUN_CONNECTING;
	run->again_s = 0;
	if (run->attempts == RUN_ATTEMPTS) {
		run_stop(run, "no-gate");
		return;
	}
	if (kind == CALL_INSIDE ? !run_call_inside(run) : !call_begin(kind))
		return;
	run->attempts++;
	run->again_s = clock_now_s() + 10;
	if (run_ask(run, "vsock connect", words, took[kind]))
		return;
	run_call_end(run->number, kind);
	run->again_s = clock_now_s() + RUN_AGAIN_MS / 1000.0;
}
