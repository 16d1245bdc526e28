/* SPDX-License-Identifier: MIT */
/* Snapshots of a VM: kept by Skerry in memory; a VM goes back to one, or another begins there. */
#include <stdio.h>
#include <string.h>

#include "gateway/core/operation.h"
#include "gateway/core/request.h"
#include "gateway/link/link.h"

enum { SNAPSHOT_WAIT_S = 10, CARDS_MAX = 8, NAME_BYTES = 32 };

static json_t *snapshot_json(const json_t *row)
{
	return json_pack("{s:O?, s:f, s:O?, s:O?, s:O?, s:O?}", "name",
			 json_object_get(row, "snapshot"), "age_s",
			 json_number_value(json_object_get(row, "age_ns")) / 1e9, "state_bytes",
			 json_object_get(row, "state_bytes"), "disk_bytes",
			 json_object_get(row, "disk_bytes"), "clones",
			 json_object_get(row, "clones"), "reset", json_object_get(row, "reset"));
}

static void snapshot_took_list(uint64_t id, json_t *reply)
{
	struct request *request = request_find((uint32_t)id);
	json_t *rows = json_object_get(reply, "result"), *row, *items;
	size_t i;

	if (!request)
		return;
	if (!rows) {
		answer_problem_json(request, problem_of_reply(reply));
		return;
	}
	items = json_array();
	json_array_foreach(rows, i, row) json_array_append_new(items, snapshot_json(row));
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

void api_snapshots(struct request *request)
{
	const char *words[] = {request->vm, NULL};
	json_t *ask = link_command("vm snapshot list", words, NULL);

	json_object_set_new(ask, "order", json_string("any"));
	if (!link_ask(ask, snapshot_took_list, request->id))
		answer_problem(request, 503, "link-down", "the link to Skerry is down or full");
}

/* body.name; NULL: it has been answered. */
static const char *snapshot_name(struct request *request)
{
	const char *name = request_text(request, "name");

	if (name && machine_name_valid(name))
		return name;
	answer_problem(request, 422, "bad-argument",
		       "name: 1 to 31 letters, digits, '-', '_' and '.', a letter or digit first");
	return NULL;
}

void api_snapshot_take(struct request *request)
{
	const char *name = snapshot_name(request);
	const char *words[] = {request->vm, name, NULL};

	if (name)
		operation_start(request, OPERATION_REPLY, "vm snapshot", words, request->vm, NULL,
				200, request_wait_s(request, SNAPSHOT_WAIT_S));
}

void api_snapshot_drop(struct request *request)
{
	const char *words[] = {request->vm, request->item, NULL};

	operation_start(request, OPERATION_REPLY, "vm snapshot drop", words, request->vm, NULL, 200,
			request_wait_s(request, SNAPSHOT_WAIT_S));
}

struct clone_nets {
	char word[CARDS_MAX][sizeof("net=") + NAME_BYTES];
	size_t count;
};

/* Of names separated by commas. */
static bool nets_take(struct clone_nets *nets, const char *text)
{
	while (*(text += strspn(text, ", "))) {
		size_t bytes = strcspn(text, ", ");
		char name[NAME_BYTES];

		snprintf(name, sizeof(name), "%.*s", (int)bytes, text);
		if (bytes >= sizeof(name) || !machine_name_valid(name) || nets->count == CARDS_MAX)
			return false;
		snprintf(nets->word[nets->count++], sizeof(nets->word[0]), "net=%s", name);
		text += bytes;
	}
	return true;
}

/* body.net, which may be missing. False: it has been answered. */
static bool snapshot_nets(struct request *request, struct clone_nets *nets)
{
	const struct field *field = fields_below(&request->fields, "body", "net");

	nets->count = 0;
	if (!field || (field->type == FIELD_TEXT && nets_take(nets, field->value)))
		return true;
	answer_problem(request, 422, "bad-argument",
		       "net: names of networks, separated by commas, at most 8");
	return false;
}

void api_snapshot_clone(struct request *request)
{
	char from[sizeof(request->vm) + sizeof(request->item)];
	const char *name = snapshot_name(request);
	const char *words[2 + CARDS_MAX + 1] = {from, name};
	struct clone_nets nets;

	if (!name || !snapshot_nets(request, &nets))
		return;
	for (size_t i = 0; i < nets.count; i++)
		words[2 + i] = nets.word[i];
	if (!scope_has(request->who.scope, name)) {
		answer_problem(request, 403, "forbidden", "the name is not in your scope");
		return;
	}
	if (machine_find(name)) {
		answer_problem(request, 409, "exists", "there is a VM of this name");
		return;
	}
	snprintf(from, sizeof(from), "%s@%s", request->vm, request->item);
	operation_start(request, OPERATION_REPLY, "vm clone", words, name, NULL, 201,
			request_wait_s(request, SNAPSHOT_WAIT_S));
}
