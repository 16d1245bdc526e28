/* SPDX-License-Identifier: MIT */
/*
 * Handlers of sandboxes, which are VMs that stay for commands to come, and of commands in them:
 * they read what a request asks for, and show sandboxes. A command is a run like others once it has
 * begun: the handlers of runs serve it.
 */
#include "gateway/core/live/sandbox.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/api/api.h"
#include "gateway/core/api/run.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/idempotency.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/identity/share.h"

enum { SANDBOX_WAIT_S = 50 };

static const char sandbox_wrong[] =
	"a sandbox has \"template\", \"timeout_s\" (from 1 to 3600), \"env\" (texts by name), "
	"\"directory\" (absolute), \"user\" (a name, or UID:GID), \"egress\" and \"limits\", and "
	"no volumes";
static const char sandbox_time_wrong[] = "\"timeout_s\" must be a number of seconds from 1 to 3600";
static const char sandbox_command_wrong[] =
	"a command in a sandbox has \"command\" (words), \"env\" (texts by name), \"stdin\" or "
	"\"stdin_base64\", \"stdin_open\", \"terminal\" (rows and columns), \"directory\" "
	"(absolute), \"user\" (a name, or UID:GID) and, in \"limits\", \"wall_s\" and "
	"\"output_bytes\"";

/* Returns whether `name` is one of the names, or below one of them; the list ends with NULL. */
static bool sandbox_is_among(const char *name, const char *const *names)
{
	size_t length = strcspn(name, ".");

	for (; *names; names++) {
		if (strlen(*names) == length && !strncmp(*names, name, length))
			return true;
	}
	return false;
}

void api_sandbox_user(struct buffer *words, const char *user)
{
	bool number = strspn(user, "0123456789:") == strlen(user);

	api_run_word(words, number ? 'u' : 'n', "", user);
}

bool api_sandbox_user_valid(const char *user)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";

	return *user && strlen(user) <= 64 && strspn(user, letters) == strlen(user);
}

/* Reads a number of seconds; returns 0 if it is none that a sandbox may have. */
static double sandbox_time(const char *text, enum field_type type)
{
	char *end;
	double value = type == FIELD_NUMBER ? strtod(text, &end) : 0;

	return value >= 1 && value <= SANDBOX_MAX_S ? value : 0;
}

/* Reads a request's body, of which the members named may be there. */
static void sandbox_read(struct request *request, struct run_asked *asked, const char *const *names,
			 const char *wrong)
{
	asked->order.words.limit = API_RUN_WORDS;
	for (size_t i = 0; i < request->fields.count && !asked->wrong; i++) {
		const struct field *field = &request->fields.list[i];
		const char *name = field->name + strlen("body.");

		if (strncmp(field->name, "body.", strlen("body.")))
			continue;
		if (!sandbox_is_among(name, names))
			asked->wrong = wrong;
		else if (!strcmp(name, "timeout_s"))
			asked->order.limits.wall_s = sandbox_time(field->value, field->type);
		else if (!strcmp(name, "user") && field->type == FIELD_TEXT &&
			 api_sandbox_user_valid(field->value))
			api_sandbox_user(&asked->order.words, field->value);
		else if (!api_run_take(asked, name, field->type, field->value))
			asked->wrong = wrong;
	}
	api_run_took(asked);
	if (!asked->wrong && asked->order.limits.wall_s <= 0)
		asked->wrong = wrong;
}

void api_sandbox_begin(struct request *request)
{
	static const char *const names[] = {"template", "timeout_s", "env",    "directory",
					    "user",	"egress",    "limits", NULL};
	struct run_asked asked = {.order.limits = {.wall_s = SANDBOX_S, .output_bytes = 1}};

	sandbox_read(request, &asked, names, sandbox_wrong);
	if (!asked.wrong && (!asked.order.template || !name_valid(asked.order.template)))
		asked.wrong = "\"template\" must be the name of a template";
	if (!api_run_right(request, &asked))
		return;
	if (scope_has(request->who.scope, asked.order.template)) {
		if (api_run_has_memory(request, &asked) && router_begin(request) &&
		    sandbox_begin(request, &asked.order, NULL,
				  request_wait_s(request, SANDBOX_WAIT_S)))
			return;
	} else {
		answer_problem(request, 403, "forbidden",
			       "your scope does not contain this template");
	}
	api_run_free(&asked);
}

void api_sandboxes(struct request *request)
{
	json_t *items = json_array();

	for (const struct run *box = run_next(NULL); box; box = run_next(box)) {
		if (box->kind == RUN_SANDBOX && !box->result &&
		    share_same(&box->owner, &request->who))
			json_array_append_new(items, sandbox_json(box));
	}
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

void api_sandbox(struct request *request)
{
	const struct run *box = sandbox_of(request);

	if (box)
		answer_json(request, 200, sandbox_json(box));
}

void api_sandbox_change(struct request *request)
{
	const struct field *field = fields_below(&request->fields, "body", "timeout_s");
	double timeout_s = field ? sandbox_time(field->value, field->type) : 0;
	struct run *box = sandbox_of(request);

	if (!box)
		return;
	if (timeout_s <= 0) {
		answer_problem(request, 422, "bad-argument", "%s", sandbox_time_wrong);
		return;
	}
	sandbox_set_time(box, timeout_s);
	answer_json(request, 200, sandbox_json(box));
}

void api_sandbox_fork(struct request *request)
{
	const struct field *field = fields_below(&request->fields, "body", "timeout_s");
	double timeout_s = field ? sandbox_time(field->value, field->type) : SANDBOX_S;
	struct run *box = sandbox_ready(request);

	if (!box)
		return;
	if (timeout_s > 0)
		sandbox_fork(request, box, timeout_s);
	else
		answer_problem(request, 422, "bad-argument", "%s", sandbox_time_wrong);
}

void api_sandbox_end(struct request *request)
{
	struct run *box = sandbox_of(request);

	if (!box)
		return;
	run_stop(box, "stopped");
	answer_json(request, 200, sandbox_json(box));
}

/* Returns the words of a command, as far as they are text. */
static json_t *sandbox_words(const struct run *run)
{
	json_t *words = json_array();

	for (size_t at = 0; at < run->words.count; at += strlen(run->words.bytes + at) + 1) {
		if (run->words.bytes[at] == 'a')
			json_array_append_new(words, json_string(run->words.bytes + at + 1));
	}
	return words;
}

void api_sandbox_commands(struct request *request)
{
	const struct run *box = sandbox_of(request);
	json_t *items;

	if (!box)
		return;
	items = json_array();
	for (const struct run *run = run_next(NULL); run; run = run_next(run)) {
		json_t *item = run->box == box->number && !run->result && !run->quiet
				       ? run_json(run, false)
				       : NULL;

		if (!item)
			continue;
		json_object_set_new(item, "command", sandbox_words(run));
		json_object_set_new(item, "terminal", json_boolean(run->rows > 0));
		json_array_append_new(items, item);
	}
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

void api_sandbox_command(struct request *request)
{
	static const char *const names[] = {"command",	  "env",      "stdin",	   "stdin_base64",
					    "stdin_open", "terminal", "directory", "user",
					    "limits",	  NULL};
	struct run_asked asked = {
		.order.limits = {.wall_s = RUN_WALL_MAX_S, .output_bytes = RUN_OUTPUT_MAX}};
	struct run *box = sandbox_ready(request), *run;

	if (!box)
		return;
	sandbox_read(request, &asked, names, sandbox_command_wrong);
	if (!asked.wrong && (asked.order.limits.cpu_s > 0 || asked.order.limits.exits > 0 ||
			     asked.order.limits.cap_percent || asked.order.limits.memory_bytes))
		asked.wrong = sandbox_command_wrong;
	if (!asked.wrong && !fields_below(&request->fields, "body", "command.0"))
		asked.wrong = sandbox_command_wrong;
	if (!api_run_right(request, &asked))
		return;
	run = sandbox_run(request, box, &asked.order);
	if (!run) {
		api_run_free(&asked);
		return;
	}
	idempotency_keep_run(request, run->number);
	run_wait(run, request, request_wait_s(request, SANDBOX_WAIT_S));
	run_answer_all(run, clock_now_s());
}
