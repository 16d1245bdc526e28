/* SPDX-License-Identifier: MIT */
/* A VM saved on a disk, and the disks. */
#include <string.h>

#include "gateway/core/operation.h"
#include "gateway/core/request.h"
#include "gateway/link/link.h"

enum { SAVE_WAIT_S = 10 };

/* body.disk; NULL: it has been answered. */
static const char *save_disk(struct request *request)
{
	const char *disk = request_text(request, "disk");

	if (disk && machine_name_valid(disk))
		return disk;
	answer_problem(request, 422, "bad-argument",
		       "disk: the name of a disk, as /v1/disks shows them");
	return NULL;
}

void api_vm_save(struct request *request)
{
	const struct field *overwrite = fields_below(&request->fields, "body", "overwrite");
	bool over = overwrite && overwrite->type == FIELD_TRUE;
	const char *disk = save_disk(request);
	const char *words[] = {request->vm, disk, over ? "overwrite" : NULL, NULL};

	if (disk && api_vm_other(request))
		operation_start(request, OPERATION_REPLY, "vm save", words, request->vm, NULL, 200,
				request_wait_s(request, SAVE_WAIT_S));
}

void api_vm_restore(struct request *request)
{
	const char *disk = save_disk(request);
	const char *words[] = {request->vm, disk, NULL};

	if (disk)
		operation_start(request, OPERATION_REPLY, "vm restore", words, request->vm, NULL,
				200, request_wait_s(request, SAVE_WAIT_S));
}

static void save_took_disks(uint64_t id, json_t *reply)
{
	static const char *const keys[] = {"name",	"state", "problem",   "driver",
					   "partition", "bytes", "read_only", "users"};
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
	json_array_foreach(rows, i, row)
	{
		json_t *item = json_object();

		for (size_t key = 0; key < sizeof(keys) / sizeof(keys[0]); key++)
			json_object_set(item, keys[key], json_object_get(row, keys[key]));
		json_array_append_new(items, item);
	}
	answer_json(request, 200, json_pack("{s:o}", "items", items));
}

void api_disks(struct request *request)
{
	json_t *ask = link_command("disk list", NULL, NULL);

	json_object_set_new(ask, "order", json_string("any"));
	if (!link_ask(ask, save_took_disks, request->id))
		answer_problem(request, 503, "link-down", "the link to Skerry is down or full");
}
