/* SPDX-License-Identifier: MIT */
/*
 * Answers HTTP requests with Skerry's reply to one command.
 */
#include "gateway/core/api/ask.h"

#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"

void ask_skerry(struct request *request, const char *command, const char *const *words,
		const char *actor, link_reply *took)
{
	json_t *ask = link_command(command, words, actor);

	json_object_set_new(ask, "order", json_string("any"));
	if (!link_ask(ask, took, request->id))
		answer_problem(request, 503, "link-down",
			       "the gateway cannot ask Skerry now: the link is down, or too many "
			       "requests wait on it");
}

struct request *ask_took(uint64_t id, json_t *reply, json_t **rows)
{
	struct request *request = request_find((uint32_t)id);

	*rows = json_object_get(reply, "result");
	if (!request || *rows)
		return request;
	answer_problem_json(request, problem_of_reply(reply));
	return NULL;
}

json_t *ask_pick(json_t *row, const char *const *keys)
{
	json_t *item = json_object();

	for (; *keys; keys++)
		json_object_set(item, *keys, json_object_get(row, *keys));
	return item;
}

/* Answers with each row as `item` makes it; if `item` is NULL, with the row's members `keys`. */
static void ask_answer_items(uint64_t id, json_t *reply, ask_item *item, const char *const *keys)
{
	json_t *rows, *row, *items;
	struct request *request = ask_took(id, reply, &rows);
	size_t i;

	if (!request)
		return;
	items = json_array();
	json_array_foreach(rows, i, row)
	{
		json_t *shown = item ? item(request, row) : ask_pick(row, keys);

		if (shown)
			json_array_append_new(items, shown);
	}
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

void ask_took_items(uint64_t id, json_t *reply, ask_item *item)
{
	ask_answer_items(id, reply, item, NULL);
}

void ask_took_rows(uint64_t id, json_t *reply, const char *const *keys)
{
	ask_answer_items(id, reply, NULL, keys);
}

const char *ask_name(struct request *request, const char *name, const char *problem)
{
	const char *text = request_text(request, name);

	if (text && name_valid(text))
		return text;
	answer_problem(request, 422, "bad-argument", "%s", problem);
	return NULL;
}
