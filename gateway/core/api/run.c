/* SPDX-License-Identifier: MIT */
/*
 * Handlers of runs, which are commands in clones of templates: they read what a request asks for,
 * and show runs.
 */
#include "gateway/core/live/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/core/api/api.h"
#include "gateway/core/api/run.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/identity/share.h"

enum { RUN_WAIT_S = 50, RUN_CPUS_MAX = 64 };

#define RUN_MEMORY_MAX (INT64_C(1) << 52)

const char run_size_wrong[] =
	"the size of a terminal is \"rows\" and \"columns\", numbers from 1 to 1000";

void api_run_free(struct run_asked *asked)
{
	audit_end(asked->order.volume_audit, "refused");
	buffer_free(&asked->order.words);
	buffer_free(&asked->order.files);
	buffer_free(&asked->order.input);
}

/* Adds a word in the form of iso/init/words.h, with the NUL that ends it. */
void api_run_word(struct buffer *words, char kind, const char *name, const char *value)
{
	buffer_add(words, &kind, 1);
	buffer_text(words, name);
	buffer_add(words, value, strlen(value) + 1);
}

static void run_take_input(struct run_asked *asked, const char *text)
{
	if (!base64_decode(&asked->order.input, text, strlen(text)))
		asked->wrong = "\"stdin_base64\" is no base64";
}

/*
 * Adds a frame with one file in the form of iso/init/gate.h: a path, a NUL, and the file's
 * contents.
 */
static void run_take_file(struct run_asked *asked, const char *path, const char *text, bool encoded)
{
	struct buffer frame = {0};
	uint8_t head[4];

	buffer_add(&frame, path, strlen(path) + 1);
	if (!encoded)
		buffer_text(&frame, text);
	if (*path != '/' || (encoded && !base64_decode(&frame, text, strlen(text))))
		asked->wrong = "\"files\" and \"files_base64\" have what is in a file by its "
			       "absolute path";
	head[0] = 'F';
	for (int i = 1; i < 4; i++)
		head[i] = (uint8_t)(frame.count >> 8 * (i - 1));
	buffer_add(&asked->order.files, head, sizeof(head));
	buffer_add(&asked->order.files, frame.bytes, frame.count);
	asked->order.files.failed |= frame.failed;
	buffer_free(&frame);
}

/* Adds a file that is wanted when the command has ended. */
static void run_take_output(struct run_asked *asked, const char *path)
{
	if (!run_wanted_add(&asked->order.wanted, path)) {
		asked->wrong =
			"\"outputs\" has up to 8 absolute paths of files, of up to 255 bytes "
			"and without \"..\"";
		return;
	}
	api_run_word(&asked->order.words, 'o', "", path);
}

/* Adds a port that is to be published. */
static void run_take_port(struct run_asked *asked, const char *text)
{
	const char *wrong = run_publish_add(&asked->order.publish, text);

	if (wrong)
		asked->wrong = wrong;
}

static void run_take_limit(struct run_asked *asked, const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);
	bool valid = end != text && *end == '\0' && value > 0;

	if (!strcmp(name, "wall_s") && valid && value <= RUN_WALL_MAX_S)
		asked->order.limits.wall_s = value;
	else if (!strcmp(name, "cpu_s") && valid && value <= RUN_WALL_MAX_S)
		asked->order.limits.cpu_s = value;
	else if (!strcmp(name, "cpus") && valid && value >= 0.01 && value <= RUN_CPUS_MAX)
		asked->order.limits.cap_percent = (unsigned)(value * 100 + 0.5);
	else if (!strcmp(name, "memory_bytes") && valid && value <= (double)RUN_MEMORY_MAX)
		asked->order.limits.memory_bytes = (int64_t)value;
	else if (!strcmp(name, "exits") && valid)
		asked->order.limits.exits = value;
	else if (!strcmp(name, "output_bytes") && valid && value <= RUN_OUTPUT_MAX)
		asked->order.limits.output_bytes = (size_t)value;
	else
		asked->wrong = "\"limits\" has \"wall_s\" and \"cpu_s\", up to 3600, "
			       "\"output_bytes\", up to 1048576, \"exits\", \"cpus\", from 0.01 "
			       "to 64, and \"memory_bytes\"";
}

static void run_take_egress(struct run_asked *asked, const char *list)
{
	if (*list && strlen(list) <= RUN_EGRESS)
		asked->order.egress = list;
	else
		asked->wrong =
			"\"egress\" is a list of up to 600 bytes, such as \"10.0.2.5:443/tcp\", "
			"or \"none\"";
}

/* Reads the size of a terminal; zero in it is refused when both members should have come. */
static void run_take_terminal(struct run_asked *asked, const char *name, const char *text)
{
	int64_t value = number_read(text, 0, RUN_SIDE);
	unsigned *side = !strcmp(name, "rows")	    ? &asked->order.rows
			 : !strcmp(name, "columns") ? &asked->order.columns
						    : NULL;

	if (side && value > 0)
		*side = (unsigned)value;
	else
		asked->wrong = run_size_wrong;
}

/* Adds the word for the terminal that is asked for. */
static void run_add_terminal(struct run_asked *asked)
{
	char size[32];

	if (!asked->terminal || asked->wrong)
		return;
	if (!asked->order.rows || !asked->order.columns)
		asked->wrong = run_size_wrong;
	snprintf(size, sizeof(size), "%ux%u", asked->order.rows, asked->order.columns);
	api_run_word(&asked->order.words, 't', "", size);
}

/*
 * Reads one member of the request's body; `name` is its path. Returns false when a request for a
 * run has no such member.
 */
bool api_run_take(struct run_asked *asked, const char *name, enum field_type type,
		  const char *value)
{
	bool text = type == FIELD_TEXT;

	if (!strcmp(name, "command") || !strcmp(name, "outputs") || !strcmp(name, "publish") ||
	    !strcmp(name, "volumes"))
		return text && !strcmp(value, "[]"); /* its words follow */
	if (!strcmp(name, "terminal"))
		return asked->terminal = text && !strcmp(value, "{}");
	if (!strcmp(name, "env") || !strcmp(name, "limits") || !strcmp(name, "files") ||
	    !strcmp(name, "files_base64"))
		return text && !strcmp(value, "{}");
	if (!strncmp(name, "limits.", 7) && type == FIELD_NUMBER)
		run_take_limit(asked, name + 7, value);
	else if (!strncmp(name, "terminal.", 9) && type == FIELD_NUMBER)
		run_take_terminal(asked, name + 9, value);
	else if (!strcmp(name, "stdin_open") && (type == FIELD_TRUE || type == FIELD_FALSE))
		asked->order.input_open = type == FIELD_TRUE;
	else if (!text)
		return false;
	else if (!strcmp(name, "template"))
		asked->order.template = value;
	else if (!strcmp(name, "egress"))
		run_take_egress(asked, value);
	else if (!strncmp(name, "command.", 8))
		api_run_word(&asked->order.words, 'a', "", value);
	else if (!strncmp(name, "outputs.", 8))
		run_take_output(asked, value);
	else if (!strncmp(name, "publish.", 8))
		run_take_port(asked, value);
	else if (!strncmp(name, "volumes.", 8))
		api_run_take_volume(asked, value);
	else if (!strncmp(name, "files.", 6))
		run_take_file(asked, name + 6, value, false);
	else if (!strncmp(name, "files_base64.", 13))
		run_take_file(asked, name + 13, value, true);
	else if (!strncmp(name, "env.", 4) && !strchr(name + 4, '=') && name[4]) {
		buffer_add(&asked->order.words, "e", 1);
		buffer_text(&asked->order.words, name + 4);
		api_run_word(&asked->order.words, '=', "", value);
	} else if (!strcmp(name, "directory") && *value == '/')
		api_run_word(&asked->order.words, 'd', "", value);
	else if (!strcmp(name, "user") && *value && strspn(value, "0123456789:") == strlen(value))
		api_run_word(&asked->order.words, 'u', "", value);
	else if (!strcmp(name, "stdin"))
		buffer_text(&asked->order.input, value);
	else if (!strcmp(name, "stdin_base64"))
		run_take_input(asked, value);
	else
		return false;
	return true;
}

/*
 * Reads what a request for a run asks for. If something is wrong, answers the request and returns
 * false.
 */
static bool run_read(struct request *request, struct run_asked *asked)
{
	asked->order.words.limit = API_RUN_WORDS;
	for (size_t i = 0; i < request->fields.count && !asked->wrong; i++) {
		const struct field *field = &request->fields.list[i];

		if (strncmp(field->name, "body.", 5))
			continue;
		if (!api_run_take(asked, field->name + 5, field->type, field->value))
			asked->wrong = "a run has \"template\", \"command\" (words), \"env\" "
				       "(texts by name), \"files\", \"files_base64\", \"stdin\" or "
				       "\"stdin_base64\", \"stdin_open\", \"outputs\" (paths), "
				       "\"publish\" (ports), \"volumes\" (one), "
				       "\"terminal\" (rows and columns), \"directory\" "
				       "(absolute), \"user\" "
				       "(UID:GID), \"egress\" and \"limits\"";
	}
	api_run_took(asked);
	if (!asked->wrong && (!asked->order.template || !name_valid(asked->order.template)))
		asked->wrong = "\"template\" must be the name of a template";
	return api_run_right(request, asked);
}

void api_run_took(struct run_asked *asked)
{
	run_add_terminal(asked);
	if (!asked->wrong &&
	    (asked->order.words.failed || asked->order.files.failed || asked->order.input.failed))
		asked->wrong = "command and environment have more than 60000 bytes";
}

bool api_run_right(struct request *request, struct run_asked *asked)
{
	if (!asked->wrong)
		return true;
	answer_problem(request, 422, "bad-argument", "%s", asked->wrong);
	api_run_free(asked);
	return false;
}

/*
 * Returns whether runs of the template have the memory that is asked for. If not, answers the
 * request.
 */
bool api_run_has_memory(struct request *request, const struct run_asked *asked)
{
	const struct host_vm *vm = host_find(asked->order.template);
	int64_t has = vm ? json_integer_value(json_object_get(vm->list, "memory_bytes")) : 0;

	if (asked->order.limits.memory_bytes == 0 || has == 0 ||
	    has == asked->order.limits.memory_bytes)
		return true;
	answer_problem(request, 422, "bad-argument",
		       "runs of %s have its memory, %lld bytes: make a template with %lld bytes",
		       asked->order.template, (long long)has,
		       (long long)asked->order.limits.memory_bytes);
	return false;
}

void api_run_begin(struct request *request)
{
	struct run_asked asked = {
		.order.limits = {.wall_s = RUN_WALL_S, .output_bytes = RUN_OUTPUT}};

	if (!run_read(request, &asked))
		return;
	if (scope_has(request->who.scope, asked.order.template)) {
		if (api_run_has_memory(request, &asked) &&
		    run_publish_may(request, &asked.order.publish) &&
		    api_run_volume_may(request, &asked.order) && router_begin(request) &&
		    run_begin(request, &asked.order, request_wait_s(request, RUN_WAIT_S)))
			return;
	} else {
		answer_problem(request, 403, "forbidden",
			       "your scope does not contain this template");
	}
	api_run_free(&asked);
}

/*
 * Returns whether the asker may see a run: its own, or, for an operator, one of a template in
 * scope.
 */
static bool run_seen(const struct request *request, const struct run *run)
{
	return !run->spare && run->kind != RUN_SANDBOX && !run->quiet &&
	       (share_same(&run->owner, &request->who) ||
		(request->who.roles & ROLE_OPERATOR &&
		 scope_has(request->who.scope, run->template)));
}

void api_runs(struct request *request)
{
	json_t *items = json_array();

	for (const struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run_seen(request, run))
			json_array_append_new(items, run_json(run, false));
	}
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

/*
 * Returns the run that the path names. If there is none that the asker may see, answers the request
 * and returns NULL.
 */
static struct run *run_of(struct request *request)
{
	int64_t number = number_read(request->item, 0, INT64_MAX / 10);
	struct run *run = number > 0 ? run_find((uint64_t)number) : NULL;

	if (run && run_seen(request, run))
		return run;
	answer_problem(request, 404, "not-found",
		       "there is no such run, or it ended more than 5 minutes ago");
	return NULL;
}

struct run *api_run_own(struct request *request)
{
	struct run *run = run_of(request);

	if (!run || share_same(&run->owner, &request->who))
		return run;
	answer_problem(request, 403, "forbidden", "the run is not yours");
	return NULL;
}

void api_run(struct request *request)
{
	int64_t wait_s = number_read(request_query(request, "wait"), 0, 50);
	struct run *run = run_of(request);
	bool own = run && share_same(&run->owner, &request->who);

	if (!run)
		return;
	if (own && run_stream_wanted(request)) {
		if (run_wait(run, request, 0))
			run_answer_all(run, clock_now_s());
		else
			answer_problem(request, 503, "busy", "%d clients wait for this run already",
				       RUN_REQUESTS);
		return;
	}
	if (wait_s < 0)
		answer_problem(request, 422, "bad-argument",
			       "\"wait\" must be a number of seconds from 0 to 50");
	else if (!own || wait_s == 0 || run->state == RUN_DONE ||
		 !run_wait(run, request, (unsigned)wait_s))
		answer_json(request, 200, run_json(run, own));
}

void api_run_stop(struct request *request)
{
	struct run *run = run_of(request);

	if (!run)
		return;
	run_stop(run, "stopped");
	/* Who is told that the run is stopped may rely on its ports being closed. */
	if (run_publish_answer(run, request))
		return;
	answer_json(request, 200, run_json(run, false));
}
