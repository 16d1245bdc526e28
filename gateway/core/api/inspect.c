/* SPDX-License-Identifier: MIT */
/*
 * The handler that shows fields of a VM's state by their names; it works only where the link has
 * the right to look into guests.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"

enum { INSPECT_PATH_BYTES = 96 };

/*
 * Returns a field of the VM's state as the API shows it; a number becomes text, as it has 64 bits
 * without a sign.
 */
static json_t *inspect_field(const struct request *request, json_t *row)
{
	json_t *value = json_object_get(row, "value");
	char number[24];

	(void)request;
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return json_pack("{s:O?, s:O*, s:o*}", "path", json_object_get(row, "path"), "hex",
			 json_object_get(row, "hex"), "value",
			 json_is_integer(value) ? json_string(number) : json_incref(value));
}

static void inspect_took(uint64_t id, json_t *reply)
{
	ask_took_items(id, reply, inspect_field);
}

static bool inspect_path_valid(const char *path)
{
	return strlen(path) < INSPECT_PATH_BYTES &&
	       strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789_.[]") == strlen(path);
}

void api_vm_inspect(struct request *request)
{
	const char *path = request_query(request, "path");
	const char *words[] = {request->vm, path && *path ? path : NULL, NULL};
	char actor[65];

	if (path && !inspect_path_valid(path)) {
		answer_problem(request, 422, "bad-argument",
			       "set \"path\" to the beginning of a field's name, such as vcpu.0 or "
			       "pit.0.channel[1]");
		return;
	}
	request_actor(request, actor, sizeof(actor));
	ask_skerry(request, "vm inspect", words, actor, inspect_took);
}
