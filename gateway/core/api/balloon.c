/* SPDX-License-Identifier: MIT */
/*
 * Handlers of balloons: how much of its memory a guest keeps. The guest's own numbers are not
 * trusted, and are passed on as strings.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"

enum { BALLOON_PAGE = 4096 };

static json_t *balloon_memory(const struct request *request)
{
	const struct host_vm *vm = host_find(request->vm);

	return json_incref(json_object_get(vm ? vm->list : NULL, "memory_bytes"));
}

/*
 * Returns the bytes of `memory` that the guest keeps when the balloon has `pages` pages, as `vm
 * stat` says.
 */
static json_t *balloon_rest(json_int_t memory, const json_t *pages)
{
	json_int_t bytes = json_integer_value(pages) * BALLOON_PAGE;

	return pages ? json_integer(bytes < memory ? memory - bytes : 0) : json_null();
}

static json_t *balloon_guest(json_t *rows)
{
	json_t *guest = json_object(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "reason"));
		json_t *count = json_object_get(row, "count");
		char text[24];

		if (!name || strncmp(name, "guest-", 6))
			continue;
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(count));
		json_object_set_new(
			guest, name + 6,
			json_string(json_is_string(count) ? json_string_value(count) : text));
	}
	return guest;
}

static const json_t *balloon_row(json_t *rows, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *reason = json_string_value(json_object_get(row, "reason"));

		if (reason && !strcmp(reason, name))
			return json_object_get(row, "count");
	}
	return NULL;
}

static void balloon_took(uint64_t id, json_t *reply)
{
	json_t *rows, *memory;
	struct request *request = ask_took(id, reply, &rows);
	const json_t *reported;

	if (!request)
		return;
	memory = balloon_memory(request);
	reported = balloon_row(rows, "balloon-reported-pages");
	answer_json(request, 200,
		    json_pack("{s:o?, s:o, s:o, s:o, s:n, s:o}", "memory_bytes", memory,
			      "wanted_bytes",
			      balloon_rest(json_integer_value(memory),
					   balloon_row(rows, "balloon-target-pages")),
			      "present_bytes",
			      balloon_rest(json_integer_value(memory),
					   balloon_row(rows, "balloon-pages")),
			      "reported_bytes",
			      reported ? json_integer(json_integer_value(reported) * BALLOON_PAGE)
				       : json_null(),
			      "driver", "guest", balloon_guest(rows)));
}

void api_balloon(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	ask_skerry(request, "vm stat", words, NULL, balloon_took);
}

static void balloon_took_aim(uint64_t id, json_t *reply)
{
	struct request *request = request_find((uint32_t)id);
	json_t *row = json_array_get(json_object_get(reply, "result"), 0);

	if (!request)
		return;
	if (!row)
		answer_problem_json(request, problem_of_reply(reply));
	else
		answer_json(request, 200,
			    json_pack("{s:O?, s:O?, s:O?, s:n, s:O?, s:{}}", "memory_bytes",
				      json_object_get(row, "memory"), "wanted_bytes",
				      json_object_get(row, "wanted"), "present_bytes",
				      json_object_get(row, "present"), "reported_bytes", "driver",
				      json_object_get(row, "driver"), "guest"));
}

/*
 * Sets how much memory the guest is to keep, the aim of its balloon; Skerry decides which sizes are
 * valid.
 */
void api_balloon_aim(struct request *request)
{
	const struct field *bytes = fields_below(&request->fields, "body", "bytes");
	const char *words[] = {request->vm, bytes ? bytes->value : NULL, NULL};
	char actor[65];

	if (!bytes || bytes->type != FIELD_NUMBER ||
	    number_read(bytes->value, -1, INT64_MAX / 10) < 0) {
		answer_problem(request, 422, "bad-argument",
			       "set \"bytes\" to how much memory the guest is to keep, in whole "
			       "pages of 4096 bytes");
		return;
	}
	request_actor(request, actor, sizeof(actor));
	ask_skerry(request, "vm balloon", words, actor, balloon_took_aim);
}
