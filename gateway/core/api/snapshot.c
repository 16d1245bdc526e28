/* SPDX-License-Identifier: MIT */
/*
 * Handlers of snapshots, which Skerry keeps in memory, and of clones, which are VMs that begin at
 * one.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/common/name.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/live/operation.h"
#include "gateway/core/live/run_name.h"

enum { SNAPSHOT_WAIT_S = 10, CARDS_MAX = 8 };

static json_t *snapshot_json(const struct request *request, json_t *row)
{
	(void)request;
	return json_pack("{s:O?, s:f, s:O?, s:O?, s:O?, s:O?}", "name",
			 json_object_get(row, "snapshot"), "age_s",
			 json_number_value(json_object_get(row, "age_ns")) / 1e9, "state_bytes",
			 json_object_get(row, "state_bytes"), "disk_bytes",
			 json_object_get(row, "disk_bytes"), "clones",
			 json_object_get(row, "clones"), "reset", json_object_get(row, "reset"));
}

static void snapshot_took_list(uint64_t id, json_t *reply)
{
	ask_took_items(id, reply, snapshot_json);
}

void api_snapshots(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	ask_skerry(request, "vm snapshot list", words, NULL, snapshot_took_list);
}

/* Returns body.name. If it is not valid, answers the request and returns NULL. */
static const char *snapshot_name(struct request *request)
{
	return ask_name(request, "name",
			"\"name\" must be 1 to 31 letters, digits, '-', '_' and '.', and begin "
			"with a letter or digit");
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

/*
 * Reads the networks of a clone's cards from names separated by commas. Returns false if the text
 * is no such list.
 */
static bool snapshot_take_nets(struct clone_nets *nets, const char *text)
{
	while (*(text += strspn(text, ", "))) {
		size_t bytes = strcspn(text, ", ");
		char name[NAME_BYTES];

		snprintf(name, sizeof(name), "%.*s", (int)bytes, text);
		if (bytes >= sizeof(name) || !name_valid(name) || nets->count == CARDS_MAX)
			return false;
		snprintf(nets->word[nets->count++], sizeof(nets->word[0]), "net=%s", name);
		text += bytes;
	}
	return true;
}

/* Reads body.net, which may be missing. If it is wrong, answers the request and returns false. */
static bool snapshot_nets(struct request *request, struct clone_nets *nets)
{
	const struct field *field = fields_below(&request->fields, "body", "net");

	nets->count = 0;
	if (!field || (field->type == FIELD_TEXT && snapshot_take_nets(nets, field->value)))
		return true;
	answer_problem(request, 422, "bad-argument",
		       "set \"net\" to names of networks, separated by commas, at most 8");
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
		answer_problem(request, 403, "forbidden", "your scope does not contain this name");
		return;
	}
	if (run_name_is(name)) {
		answer_problem(request, 422, "bad-argument", "%s is the name of a run's VM", name);
		return;
	}
	if (host_find(name)) {
		answer_problem(request, 409, "exists", "there is a VM of this name already");
		return;
	}
	if (!router_begin(request))
		return;
	snprintf(from, sizeof(from), "%s@%s", request->vm, request->item);
	operation_start(request, OPERATION_REPLY, "vm clone", words, name, NULL, 201,
			request_wait_s(request, SNAPSHOT_WAIT_S));
}
