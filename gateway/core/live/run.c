/* SPDX-License-Identifier: MIT */
/*
 * The table of runs, and what happens to each: a wait, a clone, a connection, an end. Handlers
 * begin runs; Skerry's replies, the tick and the frames of run_frame.c move them on. It asks Skerry
 * by the link.
 */
#include "gateway/core/live/run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/idempotency.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/identity/share.h"
#include "gateway/core/live/call.h"
#include "gateway/core/live/run_name.h"
#include "gateway/core/live/sandbox.h"
#include "gateway/link/link.h"

enum {
	RUN_STREAM_BYTES = 3072,
};

static struct run runs[RUNS];
static uint64_t run_last;

uint64_t run_number(void)
{
	/*
	 * numbers of runs, by which VMs are named, must not repeat those of an earlier start of the
	 * gateway
	 */
	if (run_last == 0)
		run_last = (uint64_t)time(NULL) * 1000;
	return ++run_last;
}

struct run *run_find(uint64_t number)
{
	for (size_t i = 0; number && i < RUNS; i++) {
		if (runs[i].state != RUN_FREE && runs[i].number == number)
			return &runs[i];
	}
	return NULL;
}

struct run *run_free_place(void)
{
	for (size_t i = 0; i < RUNS; i++) {
		if (runs[i].state == RUN_FREE)
			return &runs[i];
	}
	return NULL;
}

struct run *run_next(const struct run *run)
{
	for (size_t i = run ? (size_t)(run - runs) + 1 : 0; i < RUNS; i++) {
		if (runs[i].state != RUN_FREE)
			return &runs[i];
	}
	return NULL;
}

void run_free(struct run *run)
{
	struct buffer *buffers[] = {&run->words,   &run->files, &run->input, &run->link.out,
				    &run->link.in, &run->out,	&run->error};

	/* The run is forgotten: a client that has not taken all of its output gets no more. */
	for (size_t i = 0; i < RUN_REQUESTS; i++) {
		struct request *request = request_find(run->waiting[i].id);

		if (run->waiting[i].id && request)
			answer_end_stream(request, 0);
	}
	for (size_t i = 0; i < ARRAY_COUNT(buffers); i++)
		buffer_free(buffers[i]);
	run_wanted_free(&run->wanted);
	json_decref(run->problem);
	*run = (struct run){0};
}

/* --- the end of a run --- */

void run_done(struct run *run)
{
	run->state = RUN_DONE;
	run->ended_s = clock_now_s();
	(void)run_publish_end(run);
	if (run->spare) {
		/* a clone that was to wait at the gate for a run: no client knows of it */
		run_free(run);
		return;
	}
	/* The run has ended: nobody needs what was to be sent to it. */
	buffer_free(&run->words);
	buffer_free(&run->files);
	buffer_free(&run->input);
	buffer_free(&run->link.out);
	buffer_free(&run->link.in);
	audit_end(run->volume_audit, run->result);
	audit_end(run->audit, run->result);
	run->volume_audit = run->audit = 0;
	run_answer_all(run, run->ended_s);
	run_kept_bound(run);
}

bool run_ask(struct run *run, const char *command, const char *const *words, link_reply *took)
{
	json_t *ask = link_command(command, words, run->actor);

	json_object_set_new(ask, "order", json_string("any"));
	return link_ask(ask, took, run->number);
}

static void run_destroyed(uint64_t number, json_t *reply)
{
	struct run *run = run_find(number);
	const char *code = json_string_value(json_object_get(reply, "code"));

	if (!run || run->state != RUN_ENDING)
		return;
	if (reply && code && strcmp(code, "not-found")) {
		/* the run's VM is not gone yet: it is destroyed again later */
		run->again_s = clock_now_s() + 1;
		return;
	}
	run_done(run);
}

void run_destroy(struct run *run)
{
	const char *words[] = {run->vm, NULL};

	run->state = RUN_ENDING;
	run->again_s = clock_now_s() + 30;
	/* Another guest may get the address then: nobody is to be led to it by this run's ports. */
	if (!run_publish_end(run))
		return;
	if (!run_ask(run, "vm destroy", words, run_destroyed))
		run->again_s = clock_now_s() + 1;
}

void run_stop(struct run *run, const char *result)
{
	struct host_vm *vm = host_find(run->vm);
	int64_t guest_ns = vm ? host_value(vm, "guest_ns") : -1;
	int64_t exits = vm ? host_value(vm, "exits") : -1;

	if (run->result)
		return;
	run->result = result;
	if (run->spare && strcmp(result, "stopped"))
		run_warm_failed(run->template, clock_now_s());
	run->exits = exits > 0 ? exits : 0;
	run->cpu_s = guest_ns > 0 ? (double)guest_ns / 1e9 : 0;
	if (run->kind == RUN_SANDBOX)
		sandbox_end_commands(run);
	if (run->kind == RUN_INSIDE)
		sandbox_leave(run);
	else if (run->state == RUN_WAITING)
		run_done(run);
	/* a VM that is still being cloned is destroyed by run_cloned() */
	else if (run->state != RUN_CLONING)
		run_destroy(run);
}

void run_fail(struct run *run, json_t *problem)
{
	json_decref(run->problem);
	run->problem = problem;
	run_stop(run, "failed");
}

/* --- from the wait to the clone --- */

static void run_cloned(uint64_t number, json_t *reply)
{
	struct run *run = run_find(number);
	const char *status = json_string_value(json_object_get(reply, "status"));

	if (!run || run->state != RUN_CLONING)
		return;
	if (!status || strcmp(status, "ok")) {
		run->state = RUN_WAITING; /* no VM was made, so there is none to destroy */
		run->again_s = clock_now_s() + RUN_AGAIN_MS / 1000.0;
		if (!run->result && !run->spare && run->kind == RUN_ALONE &&
		    run_room_comes(run, reply))
			return;
		run->result = NULL;
		run_fail(run, problem_of_reply(reply));
		return;
	}
	audit_end(run->volume_audit, "given");
	run->volume_audit = 0;
	if (run->result)
		run_destroy(run);
	else
		run_connect(run);
}

void run_clone(struct run *run)
{
	char from[NAME_BYTES + sizeof("@gate")];
	char egress[sizeof("egress=") + RUN_EGRESS];
	char owner[sizeof("run=") + sizeof(run->actor)];
	char volume[sizeof("volume=") + RUN_VOLUME];
	const char *words[6] = {from, run->vm};
	size_t count = 2;

	snprintf(from, sizeof(from), "%s@gate", run->template);
	if (*run->from)
		string_copy(from, sizeof(from), run->from);
	snprintf(egress, sizeof(egress), "egress=%s", run->egress);
	snprintf(owner, sizeof(owner), "run=%s", run->actor);
	snprintf(volume, sizeof(volume), "volume=%s", run->volume);
	if (run->egress[0])
		words[count++] = egress;
	if (run->volume[0])
		words[count++] = volume;
	words[count] = owner;
	run->state = RUN_CLONING;
	run->began_s = clock_now_s();
	if (!run_ask(run, "vm clone", words, run_cloned)) {
		run->state = RUN_WAITING;
		run->began_s = 0;
	}
}

bool run_begin(struct request *request, const struct run_order *order, unsigned wait_s)
{
	struct run *run = NULL;

	if (run_count(&request->who, false) < RUNS_WAITING)
		run = run_make(request, order, RUN_ALONE);
	if (!run) {
		answer_retry_after(request, 1);
		answer_problem(request, 429, "busy",
			       "too many runs wait: at most %d of one token or user, %d in all",
			       RUNS_WAITING, RUNS_ALONE - RUNS_ACTIVE);
		return false;
	}
	idempotency_keep_run(request, run->number);
	run_wait(run, request, wait_s);
	run_schedule();
	run_answer_all(run, clock_now_s());
	return true;
}

/* --- lines from Skerry, and the tick --- */

static struct run *run_of_stream(json_t *number)
{
	for (size_t i = 0; json_is_integer(number) && i < RUNS; i++) {
		if (runs[i].state != RUN_FREE && runs[i].link.stream &&
		    runs[i].link.stream == json_integer_value(number))
			return &runs[i];
	}
	return NULL;
}

static void run_closed(struct run *run)
{
	run->link.stream = 0;
	if (run->state == RUN_AT_GATE) {
		/*
		 * Linux takes the news that the VM is a clone, which ends connections, and the new
		 * connection in two threads: the news may come last, so connect again.
		 */
		run_connect(run);
	} else if (run->state == RUN_UNDER_WAY) {
		run_stop(run, "crash");
	}
}

bool run_line(json_t *line)
{
	json_t *data = json_object_get(line, "data");
	uint8_t bytes[RUN_STREAM_BYTES + 3];
	struct run *run;

	if ((run = run_of_stream(json_object_get(line, "credit")))) {
		int64_t count = json_integer_value(json_object_get(line, "bytes"));

		if (count > 0 && count <= RUN_CREDIT)
			run->link.credit += (size_t)count;
		run_frame_push(run);
	} else if ((run = run_of_stream(json_object_get(line, "closed")))) {
		run_closed(run);
	} else if ((run = run_of_stream(json_object_get(line, "stream")))) {
		long count = link_data(data, bytes, sizeof(bytes));

		if (count > 0) {
			link_tell(json_pack("{s:I, s:I}", "credit", (json_int_t)run->link.stream,
					    "bytes", (json_int_t)count));
			run_frame_take(run, bytes, (size_t)count);
			run_answer_all(run, clock_now_s());
			explicit_bzero(bytes, sizeof(bytes));
		}
	} else {
		return false;
	}
	run_schedule();
	return true;
}

static void run_watch(struct run *run, double now_s)
{
	const struct host_vm *vm = host_find(run->vm);
	int64_t guest_ns = vm ? host_value(vm, "guest_ns") : -1;
	int64_t exits = vm ? host_value(vm, "exits") : -1;

	if (run->result || run->state == RUN_CLONING)
		return;
	if (!run->spare && now_s - run->began_s > run->limits.wall_s)
		run_stop(run, "out-of-time");
	else if (run->limits.cpu_s > 0 && guest_ns > 0 &&
		 (double)guest_ns / 1e9 > run->limits.cpu_s)
		run_stop(run, "out-of-cpu");
	else if (run->limits.exits > 0 && exits > 0 && (double)exits > run->limits.exits)
		run_stop(run, "out-of-exits");
	else if (run->state < RUN_UNDER_WAY && !(run->spare && run->link.greeted) &&
		 now_s - run->began_s > RUN_GATE_S)
		run_stop(run, "no-gate");
	else if (vm && !strcmp(host_vm_state(vm), "crashed"))
		run_stop(run, "crash");
	else if (run->state == RUN_CONNECTING && now_s >= run->again_s)
		run_connect(run);
	else
		run_frame_push(run);
}

void run_tick(void)
{
	double now_s = clock_now_s();

	for (size_t i = 0; i < RUNS; i++) {
		struct run *run = &runs[i];

		if (run->state == RUN_FREE)
			continue;
		if (run->kind == RUN_SANDBOX)
			sandbox_look(run, now_s);
		if (run->state == RUN_ENDING && now_s >= run->again_s)
			run_destroy(run);
		else if ((run_is_active(run) || run->spare) && run->state != RUN_ENDING)
			run_watch(run, now_s);
		if (run->state == RUN_FREE)
			continue;
		run_answer_all(run, now_s);
		if (run->state == RUN_DONE && now_s - run->ended_s > RUN_KEPT_S)
			run_free(run);
	}
	run_publish_tick(now_s);
	sandbox_pause_tick();
	run_sweep(now_s);
	run_schedule();
}

void run_link_lost(void)
{
	for (size_t i = 0; i < RUNS; i++) {
		if (!run_is_active(&runs[i]) && !runs[i].spare)
			continue;
		runs[i].link.stream = 0;
		if (!runs[i].result && !runs[i].spare) {
			runs[i].result = "lost";
			runs[i].problem = problem_json(
				503, "link-down",
				"the link to Skerry was lost while the command ran", NULL);
		}
		run_done(&runs[i]);
	}
}
