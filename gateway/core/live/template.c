/* SPDX-License-Identifier: MIT */
/*
 * Makes templates of VMs, several at a time, each for one request. The table of routes names its
 * handler; the tick and Skerry's replies move it on. It asks Skerry by the link.
 */
#include "gateway/core/live/template.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/live/call.h"
#include "gateway/core/live/run.h"
#include "gateway/link/link.h"

enum { TEMPLATE_S = 50, TEMPLATE_SETTLE_S = 15 };

enum template_step {
	TEMPLATE_LOOK, /* whether it is a template already */
	TEMPLATE_START,
	TEMPLATE_CONNECT,
	TEMPLATE_CLOSE,
	TEMPLATE_SETTLE,
	TEMPLATE_SNAPSHOT,
	TEMPLATE_PAUSE
};

static struct template
{
	uint32_t request; /* id of the client's request; 0: the entry is free */
	enum template_step step;
	char name[NAME_BYTES], stream[24], actor[65];
	bool asked;
	double until_s;
	/* Skerry's time, in ns, of the VM's last sample before the wait for an idle guest began */
	int64_t settle_ns;
	double settle_s;
}
templates[TEMPLATES];

void template_fail(uint32_t *id, json_t *problem)
{
	struct request *request = request_find(*id);

	*id = 0;
	if (request)
		answer_problem_json(request, problem);
	else
		json_decref(problem);
}

static void template_end(struct template *template, bool changed)
{
	struct request *request = request_find(template->request);
	struct host_vm *vm = host_find(template->name);

	template->request = 0;
	if (request)
		answer_json(request, 200,
			    json_pack("{s:b, s:o*}", "changed", changed, "vm",
				      vm ? host_vm_json(vm) : NULL));
}

/* Answers that the VM is gone, destroyed by somebody meanwhile. */
static void template_lost(struct template *template)
{
	template_fail(&template->request,
		      problem_json(404, "not-found", "the VM was destroyed meanwhile", NULL));
}

static void template_ask(struct template *template);

json_t *template_gate_row(json_t *reply)
{
	const char *name;
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "result"), i, row)
	{
		name = json_string_value(json_object_get(row, "snapshot"));
		if (name && !strcmp(name, TEMPLATE_GATE))
			return row;
	}
	return NULL;
}

/* Begins with what the VM lacks; one that has the snapshot and is paused is a template. */
static void template_looked(struct template *template, json_t *reply)
{
	const char *state = host_vm_state(host_find(template->name));
	bool gate = template_gate_row(reply);

	if (gate && !strcmp(state, "paused")) {
		template_end(template, false);
		return;
	}
	template->step = gate			    ? TEMPLATE_PAUSE
			 : strcmp(state, "running") ? TEMPLATE_START
						    : TEMPLATE_CONNECT;
	template_ask(template);
}

static void template_took(uint64_t index, json_t *reply)
{
	struct template *template = &templates[index % TEMPLATES];
	const char *status = json_string_value(json_object_get(reply, "status"));
	json_t *row = json_array_get(json_object_get(reply, "result"), 0);
	const struct host_vm *vm = host_find(template->name);
	bool ok = status && !strcmp(status, "ok");

	if (template->request != index / TEMPLATES || !template->asked)
		return;
	template->asked = false;
	if (template->step == TEMPLATE_CONNECT && !ok && run_is_later(reply))
		return; /* the template's init is not listening yet: the tick connects again */
	if (!ok && template->step != TEMPLATE_CLOSE) {
		template_fail(&template->request, problem_of_reply(reply));
		return;
	}
	if (!vm) {
		template_lost(template);
		return;
	}
	if (template->step == TEMPLATE_LOOK) {
		template_looked(template, reply);
		return;
	}
	if (template->step == TEMPLATE_CONNECT)
		snprintf(template->stream, sizeof(template->stream), "%lld",
			 (long long)json_integer_value(json_object_get(row, "stream")));
	if (template->step == TEMPLATE_PAUSE) {
		host_vm_patch(row);
		host_refresh();
		template_end(template, true);
		return;
	}
	template->step++;
	if (template->step == TEMPLATE_SETTLE) {
		template->settle_ns = vm->sampled ? vm->now.time_ns : 0;
		template->settle_s = clock_now_s();
	} else {
		template_ask(template);
	}
}

static void template_called(uint64_t index, json_t *reply)
{
	call_end(CALL_TEMPLATE);
	template_took(index, reply);
}

static void template_ask(struct template *template)
{
	static const char *const commands[] = {"vm snapshot list", "vm start", "vsock connect",
					       "stream close",	   NULL,       "vm snapshot",
					       "vm pause"};
	const char *first = template->step == TEMPLATE_CLOSE ? template->stream : template->name;
	const char *second = template->step == TEMPLATE_CONNECT	   ? "1023"
			     : template->step == TEMPLATE_SNAPSHOT ? TEMPLATE_GATE
								   : NULL;
	const char *words[] = {first, second, NULL};
	bool call = template->step == TEMPLATE_CONNECT;
	json_t *ask;

	if (call && !call_begin(CALL_TEMPLATE))
		/* too many calls (connections being made) are under way: the tick tries again */
		return;
	ask = link_command(commands[template->step], words, template->actor);
	json_object_set_new(ask, "order", json_string("any"));
	template->asked = link_ask(ask, call ? template_called : template_took,
				   (uint64_t) template->request * TEMPLATES +
					   (uint64_t)(template - templates));
	if (call && !template->asked)
		call_end(CALL_TEMPLATE);
}

void template_make(struct request *request)
{
	struct template *template = NULL;

	if (!template_is_free(request))
		return;
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (templates[i].request == 0)
			template = &templates[i];
	}
	if (!template) {
		answer_problem(request, 429, "busy", "%d templates are being made: wait for one",
			       TEMPLATES);
		return;
	}
	*template = (struct template){
		.request = request->id,
		.step = TEMPLATE_LOOK,
		.until_s = clock_now_s() + request_wait_s(request, TEMPLATE_S),
	};
	string_copy(template->name, sizeof(template->name), request->vm);
	request_actor(request, template->actor, sizeof(template->actor));
	template_ask(template);
}

static void template_next(struct template *template)
{
	if (template->step == TEMPLATE_SETTLE)
		template->step++;
	template_ask(template);
}

/*
 * Returns whether the guest has finished the work that Linux still does after its start, which each
 * clone would repeat: it is idle for 95 % of the time. A guest that is never idle is taken after
 * TEMPLATE_SETTLE_S.
 */
static bool template_is_settled(const struct template *template)
{
	const struct host_vm *vm = host_find(template->name);
	int64_t used_ns, time_ns;

	if (clock_now_s() - template->settle_s > TEMPLATE_SETTLE_S)
		return true;
	for (unsigned i = 0; vm && vm->sampled && i < host.field_count; i++) {
		if (strcmp(host.fields[i], "guest_ns"))
			continue;
		used_ns = vm->now.values[i] - vm->before.values[i];
		time_ns = vm->now.time_ns - vm->before.time_ns;
		return vm->before.time_ns >= template->settle_ns && time_ns > 0 &&
		       used_ns * 20 < time_ns;
	}
	return false;
}

const char *template_made_at(size_t place)
{
	return templates[place].request != 0 ? templates[place].name : NULL;
}

bool template_is_made(const char *name)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (templates[i].request != 0 && !strcmp(templates[i].name, name))
			return true;
	}
	return false;
}

void template_tick(void)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (templates[i].request == 0)
			continue;
		if (!host_find(templates[i].name))
			template_lost(&templates[i]);
		else if (clock_now_s() > templates[i].until_s)
			template_fail(&templates[i].request,
				      problem_json(504, "no-gate",
						   "the guest has not come to the gate: does it "
						   "have `vsock = yes`, an image as its "
						   "first disk, and the initramfs for runs?",
						   NULL));
		else if (templates[i].step == TEMPLATE_SETTLE &&
			 !template_is_settled(&templates[i]))
			continue;
		else if (!templates[i].asked)
			template_next(&templates[i]);
	}
}

void template_link_lost(void)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		if (templates[i].request != 0)
			template_fail(&templates[i].request, problem_of_reply(NULL));
	}
}
