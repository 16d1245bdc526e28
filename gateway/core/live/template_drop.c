/* SPDX-License-Identifier: MIT */
/*
 * Drops templates that no run uses, each for one request. The table of routes names its handler;
 * the tick and Skerry's replies move it on. It asks Skerry by the link, and hands the end of the VM
 * to an operation.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/live/operation.h"
#include "gateway/core/live/run.h"
#include "gateway/core/live/template.h"
#include "gateway/link/link.h"

/* the seconds that clones at the gate have to end, and the client waits for the end of the VM */
enum { TEMPLATE_DROP_S = 15, TEMPLATE_UUID_BYTES = 40 };

static struct template_dropped {
	uint32_t request; /* id of the client's request; 0: the entry is free */
	char name[NAME_BYTES], uuid[TEMPLATE_UUID_BYTES];
	bool looked; /* Skerry has said that it is a template, and what clones it has */
	bool ending; /* an operation ends the VM; it has answered the request, or will */
	double until_s;
} drops[TEMPLATES];

struct template_use template_use(const char *name)
{
	struct template_use use = {0};

	for (const struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->state == RUN_DONE || strcmp(run->template, name))
			continue;
		use.spares += run->spare;
		use.runs += !run->spare && run->kind == RUN_ALONE;
		use.sandboxes += run->kind == RUN_SANDBOX;
	}
	return use;
}

/* Returns whether no run and no sandbox uses the template. If one does, answers the request. */
static bool template_drop_may(struct request *request)
{
	struct template_use use = template_use(request->vm);

	if (use.runs + use.sandboxes == 0)
		return true;
	answer_problem(request, 409, "busy",
		       "%s is in use (runs: %zu, sandboxes: %zu): wait for their end, or end them",
		       request->vm, use.runs, use.sandboxes);
	return false;
}

bool template_is_dropped(const char *name)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (drops[i].request && !strcmp(drops[i].name, name))
			return true;
	}
	return false;
}

bool template_is_free(struct request *request)
{
	if (!template_is_made(request->vm) && !template_is_dropped(request->vm))
		return true;
	answer_problem(request, 409, "busy",
		       "%s is being made a template, or dropped: wait for that", request->vm);
	return false;
}

/* Ends the VM, once no clone waits at the gate any more. */
static void template_drop_end(struct template_dropped *drop)
{
	struct request *request = request_find(drop->request);
	const char *words[] = {drop->name, NULL};

	if (template_use(drop->name).spares > 0)
		return;
	/* Runs may have begun meanwhile. */
	if (request && template_drop_may(request) &&
	    operation_start(request, OPERATION_REPLY, "vm destroy", words, drop->name, NULL, 204,
			    request_wait_s(request, TEMPLATE_DROP_S)))
		drop->ending = true;
	else
		drop->request = 0;
}

/* Returns the UUID of the VM of that name, "" if there is none. */
static const char *template_drop_uuid(const char *name)
{
	const struct host_vm *vm = host_find(name);
	const char *uuid = vm ? json_string_value(json_object_get(vm->list, "uuid")) : NULL;

	return uuid ? uuid : "";
}

/*
 * Ends a drop whose operation is over. If the VM is still there, as Skerry has refused to end it,
 * clones wait at the gate again; one that is made later under its name has none.
 */
static void template_drop_watch(struct template_dropped *drop)
{
	if (operation_is_busy(drop->name, OPERATION_REPLY))
		return;
	drop->request = 0;
	if (!host_find(drop->name) || strcmp(drop->uuid, template_drop_uuid(drop->name)))
		run_warm_keep(drop->name, 0);
}

static void template_drop_took(uint64_t context, json_t *reply)
{
	struct template_dropped *drop = &drops[context % TEMPLATES];
	const char *status = json_string_value(json_object_get(reply, "status"));
	json_t *gate = template_gate_row(reply);
	json_int_t clones = json_integer_value(json_object_get(gate, "clones"));
	char detail[200];

	if (drop->request != context / TEMPLATES || drop->looked)
		return;
	if (!status || strcmp(status, "ok")) {
		template_fail(&drop->request, problem_of_reply(reply));
		return;
	}
	if (!gate) {
		snprintf(detail, sizeof(detail),
			 "%s is no template: it has no snapshot \"" TEMPLATE_GATE "\"", drop->name);
		template_fail(&drop->request, problem_json(404, "not-found", detail, NULL));
		return;
	}
	if (clones > (json_int_t)template_use(drop->name).spares) {
		snprintf(detail, sizeof(detail),
			 "%lld machines are clones of %s: wait for runs that end, or destroy them",
			 (long long)clones, drop->name);
		template_fail(&drop->request, problem_json(409, "busy", detail, NULL));
		return;
	}
	drop->looked = true;
	string_copy(drop->uuid, sizeof(drop->uuid), template_drop_uuid(drop->name));
	run_warm_shrink(drop->name, 0);
	template_drop_end(drop);
}

/* Begins a drop in a free entry. If there is none, answers the request. */
static void template_drop_begin(struct request *request)
{
	struct template_dropped *drop = NULL;
	const char *words[] = {request->vm, NULL};
	json_t *ask;

	for (size_t i = 0; i < TEMPLATES; i++) {
		if (drops[i].request == 0)
			drop = &drops[i];
	}
	if (!drop) {
		answer_problem(request, 429, "busy", "%d templates are being dropped: wait for one",
			       TEMPLATES);
		return;
	}
	*drop = (struct template_dropped){.request = request->id,
					  .until_s = clock_now_s() + TEMPLATE_DROP_S};
	string_copy(drop->name, sizeof(drop->name), request->vm);
	ask = link_command("vm snapshot list", words, NULL);
	json_object_set_new(ask, "order", json_string("any"));
	if (!link_ask(ask, template_drop_took,
		      (uint64_t)request->id * TEMPLATES + (uint64_t)(drop - drops)))
		template_fail(&drop->request,
			      problem_json(503, "link-down",
					   "the gateway cannot ask Skerry now: the link "
					   "is down, or too many requests wait on it",
					   NULL));
}

void template_drop(struct request *request)
{
	if (!strcmp(request->vm, host.own))
		answer_problem(request, 409, "own-vm", "this gateway runs in %s", host.own);
	else if (template_is_free(request) && template_drop_may(request))
		template_drop_begin(request);
}

void template_drop_tick(void)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (drops[i].request == 0)
			continue;
		if (drops[i].ending)
			template_drop_watch(&drops[i]);
		else if (clock_now_s() > drops[i].until_s)
			template_fail(&drops[i].request,
				      problem_json(409, "busy",
						   "clones that wait at the gate have not "
						   "ended yet: try again",
						   NULL));
		else if (drops[i].looked)
			template_drop_end(&drops[i]);
	}
}

void template_drop_link_lost(void)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (drops[i].request != 0 && !drops[i].ending)
			template_fail(&drops[i].request, problem_of_reply(NULL));
	}
}
