/* SPDX-License-Identifier: MIT */
/*
 * Operations: changes that take longer than a request may wait. Handlers begin them, Skerry's
 * replies and changes of the host end them; then the waiting requests are answered, and the audit's
 * line gets its result.
 */

#include "gateway/core/live/operation.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/identity/share.h"
#include "gateway/link/link.h"

enum { OPERATIONS = 256, OPERATION_KEPT_S = 3600, OPERATION_REQUESTS = 4 };

struct operation {
	uint64_t number; /* the operation's number; 0: the entry is free */
	enum operation_kind kind;
	struct identity owner;
	char target[TARGET_BYTES];
	const char *wanted;
	unsigned status;
	bool running, replied, changed;
	json_t *problem, *result;
	uint64_t audit;
	double ended_s;
	struct {
		/* the id of a client's request that waits for the operation; 0: none */
		uint32_t id;
		double until_s;
		bool began; /* the request began the operation; false: it only waits for its end */
	} waiting[OPERATION_REQUESTS];
};

static struct operation operations[OPERATIONS];
static uint64_t operation_last;

static struct operation *operation_find(uint64_t number)
{
	for (size_t i = 0; number && i < OPERATIONS; i++) {
		if (operations[i].number == number)
			return &operations[i];
	}
	return NULL;
}

/* Returns the operation that ended longest ago, or NULL when all are running. */
static struct operation *operation_oldest(void)
{
	struct operation *oldest = NULL;

	for (size_t i = 0; i < OPERATIONS; i++) {
		if (!operations[i].running && (!oldest || operations[i].ended_s < oldest->ended_s))
			oldest = &operations[i];
	}
	return oldest;
}

/*
 * Returns a free entry, or that of an ended operation of the asker who has most ended ones; NULL
 * when all operations are running.
 */
static struct operation *operation_place(const struct identity *who)
{
	static struct share places[OPERATIONS];
	static size_t at[OPERATIONS];
	size_t count = 0, place;

	for (size_t i = 0; i < OPERATIONS; i++) {
		if (operations[i].number && operations[i].running)
			continue;
		at[count] = i;
		places[count++] =
			(struct share){.who = operations[i].number ? &operations[i].owner : NULL,
				       .since = operations[i].ended_s};
	}
	place = share_place(places, count, who, true);
	return place < count ? &operations[at[place]] : operation_oldest();
}

/*
 * Returns the first row of Skerry's reply, borrowed, or NULL when the operation's result is no row.
 */
static json_t *operation_row(const struct operation *operation)
{
	return operation->kind == OPERATION_RESULT ? json_array_get(operation->result, 0) : NULL;
}

static json_t *operation_json(const struct operation *operation)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)operation->number);
	return json_pack("{s:s, s:s, s:O?, s:s, s:O*}", "id", number, "state",
			 operation->running   ? "running"
			 : operation->problem ? "failed"
					      : "done",
			 "problem", operation->problem, "target", operation->target, "result",
			 operation_row(operation));
}

/* Adds the header Location when the operation has made a volume, STORE/VOLUME. */
static void operation_say_place(const struct operation *operation, struct request *request)
{
	size_t store = strcspn(operation->target, "/");
	char place[TARGET_BYTES + 32];

	if (operation->status != 201 || !operation->target[store])
		return;
	snprintf(place, sizeof(place), "/v1/stores/%.*s/volumes/%s", (int)store, operation->target,
		 operation->target + store + 1);
	answer_header(request, "Location", place);
}

static void operation_answer_began(struct operation *operation, struct request *request)
{
	struct host_vm *vm = host_find(operation->target);
	char place[48], tag[80];

	request->audit = 0;
	if (operation->running) {
		snprintf(place, sizeof(place), "/v1/operations/%llu",
			 (unsigned long long)operation->number);
		answer_header(request, "Location", place);
		answer_json(request, 202, operation_json(operation));
	} else if (operation->problem) {
		answer_problem_json(request, json_copy(operation->problem));
	} else if (operation->status == 204) {
		answer_json(request, 204, NULL);
	} else if (operation->kind == OPERATION_RESULT) {
		operation_say_place(operation, request);
		answer_json(request, operation->status, json_incref(operation_row(operation)));
	} else if (!strcmp(request->route->gives, "Changed") || !vm) {
		answer_json(request, operation->status,
			    json_pack("{s:b, s:o*}", "changed", operation->changed, "vm",
				      vm ? host_vm_json(vm) : NULL));
	} else {
		host_vm_tag(vm, tag, sizeof(tag));
		answer_header(request, "ETag", tag);
		if (operation->status == 201) {
			snprintf(place, sizeof(place), "/v1/vms/%s", vm->name);
			answer_header(request, "Location", place);
		}
		answer_json(request, operation->status, host_vm_json(vm));
	}
}

static void operation_answer(struct operation *operation, unsigned index)
{
	struct request *request = request_find(operation->waiting[index].id);
	bool began = operation->waiting[index].began;

	operation->waiting[index].id = 0;
	if (!request)
		return;
	if (began)
		operation_answer_began(operation, request);
	else
		answer_json(request, 200, operation_json(operation));
}

static void operation_end(struct operation *operation, json_t *problem)
{
	const char *code = json_string_value(json_object_get(problem, "code"));

	operation->running = false;
	operation->problem = problem;
	operation->ended_s = clock_now_s();
	audit_end(operation->audit, problem ? code : "ok");
	operation->audit = 0;
	for (unsigned i = 0; i < OPERATION_REQUESTS; i++) {
		if (operation->waiting[i].id)
			operation_answer(operation, i);
	}
}

static bool operation_stopped(const struct operation *operation)
{
	const struct host_vm *vm = host_find(operation->target);
	const char *state = vm ? host_vm_state(vm) : "stopped";

	return !strcmp(state, "stopped") || !strcmp(state, "crashed") || !strcmp(state, "created");
}

/*
 * Returns whether the list of VMs shows the result already, so that a client that reads it next is
 * not surprised.
 */
static bool operation_shown(const struct operation *operation)
{
	const struct host_vm *vm = host_find(operation->target);

	if (operation->status == 201)
		return vm;
	if (operation->kind == OPERATION_KEYS)
		return !vm || host_vm_settled(vm);
	return operation->status != 204 || !vm;
}

static void operation_took(uint64_t number, json_t *reply)
{
	struct operation *operation = operation_find(number);
	const char *status = json_string_value(json_object_get(reply, "status"));
	const char *code = json_string_value(json_object_get(reply, "code"));
	struct host_vm *vm;
	bool ok = status && !strcmp(status, "ok");
	json_t *row;
	size_t i;

	if (!operation || !operation->running)
		return;
	operation->replied = true;
	vm = host_find(operation->target);
	if (!ok && code && !strcmp(code, "bad-state") && operation->wanted && vm &&
	    !strcmp(host_vm_state(vm), operation->wanted)) {
		operation->changed = false;
		operation_end(operation, NULL);
		return;
	}
	if (!ok) {
		operation_end(operation, problem_of_reply(reply));
		return;
	}
	operation->result = json_incref(json_object_get(reply, "result"));
	if (operation->kind == OPERATION_RESULT) {
		operation_end(operation, NULL);
		return;
	}
	json_array_foreach(operation->result, i, row) host_vm_patch(row);
	host_refresh();
	if (operation->kind == OPERATION_KEYS && vm)
		host_refresh_config(vm);
	if (operation->kind == OPERATION_STOP && !operation_stopped(operation))
		return;
	if (!operation_shown(operation))
		return;
	operation_end(operation, NULL);
}

bool operation_is_busy(const char *target, enum operation_kind kind)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		/*
		 * While an operation stops a VM, another may still kill it; a second stop would
		 * only wait beside the first.
		 */
		if (operations[i].number && operations[i].running &&
		    !(operations[i].kind == OPERATION_STOP && operations[i].replied &&
		      kind != OPERATION_STOP) &&
		    !strcmp(operations[i].target, target))
			return true;
	}
	return false;
}

bool operation_start(struct request *request, enum operation_kind kind, const char *command,
		     const char *const *arguments, const char *target, const char *wanted,
		     unsigned status, unsigned wait_s)
{
	struct operation *operation = operation_place(&request->who);
	char actor[65];
	json_t *ask;

	if (operation_is_busy(target, kind)) {
		answer_problem(request, 409, "busy",
			       "another change of %s is still under way: wait for it", target);
		return false;
	}
	if (!operation) {
		answer_problem(request, 503, "failed",
			       "%d changes are under way at the moment: wait for one to end",
			       OPERATIONS);
		return false;
	}
	request_actor(request, actor, sizeof(actor));
	ask = link_command(command, arguments, actor);
	json_object_set_new(ask, "order", json_string("any"));
	json_decref(operation->problem);
	json_decref(operation->result);
	*operation = (struct operation){
		.number = ++operation_last,
		.kind = kind,
		.owner = request->who,
		.wanted = wanted,
		.status = status,
		.running = true,
		.changed = true,
	};
	string_copy(operation->target, sizeof(operation->target), target);
	if (!link_ask(ask, operation_took, operation->number)) {
		operation->running = false;
		operation->number = 0;
		answer_problem(request, 503, "link-down",
			       "the gateway cannot ask Skerry now: the link is down, or too many "
			       "requests wait on it");
		return false;
	}
	operation->audit = request->audit;
	request->audit = 0;
	operation->waiting[0].id = request->id;
	operation->waiting[0].until_s = clock_now_s() + wait_s;
	operation->waiting[0].began = true;
	return true;
}

void operation_look(void)
{
	double now_s = clock_now_s();

	for (size_t i = 0; i < OPERATIONS; i++) {
		struct operation *each = &operations[i];

		if (!each->number)
			continue;
		if (each->running && each->replied && host.up &&
		    (each->kind == OPERATION_STOP ? operation_stopped(each)
						  : operation_shown(each)))
			operation_end(each, NULL);
		for (unsigned w = 0; w < OPERATION_REQUESTS; w++) {
			if (each->waiting[w].id && now_s >= each->waiting[w].until_s)
				operation_answer(each, w);
		}
		if (!each->running && now_s - each->ended_s > OPERATION_KEPT_S)
			each->number = 0;
	}
}

void operation_restarted(void)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		if (operations[i].number && operations[i].running)
			operation_end(&operations[i],
				      problem_json(503, "restarted",
						   "Skerry was restarted meanwhile", NULL));
	}
}

/* Shows an operation to the asker who began it, or to an operator if it is about a VM in scope. */
void operation_show(struct request *request)
{
	int64_t number = number_read(request->item, 0, INT64_MAX / 10);
	int64_t wait_s = number_read(request_query(request, "wait"), 0, 60);
	struct operation *operation = operation_find(number > 0 ? (uint64_t)number : 0);
	bool own = operation && operation->owner.token == request->who.token &&
		   operation->owner.account == request->who.account &&
		   operation->owner.user == request->who.user;
	/* "host" is the whole machine here, whatever VM has that name */
	bool seen = operation && request->who.roles & ROLE_OPERATOR &&
		    scope_has(request->who.scope, operation->target) &&
		    (strcmp(operation->target, "host") || !strcmp(request->who.scope, "*"));

	if (!own && !seen) {
		answer_problem(request, 404, "not-found", "there is no such operation");
		return;
	}
	if (wait_s < 0) {
		answer_problem(request, 422, "bad-argument",
			       "\"wait\" must be a number of seconds from 0 to 60");
		return;
	}
	for (unsigned i = 0; wait_s && operation->running && i < OPERATION_REQUESTS; i++) {
		if (operation->waiting[i].id)
			continue;
		operation->waiting[i].id = request->id;
		operation->waiting[i].until_s = clock_now_s() + (double)wait_s;
		operation->waiting[i].began = false;
		return;
	}
	answer_json(request, 200, operation_json(operation));
}
