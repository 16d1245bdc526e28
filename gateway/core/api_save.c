/* SPDX-License-Identifier: MIT */
/* A VM saved on a disk, and the disks. */
#include <string.h>

#include "gateway/core/ask.h"
#include "gateway/core/operation.h"

enum { SAVE_WAIT_S = 10 };

/* body.disk; NULL: it has been answered. */
static const char *save_disk(struct request *request)
{
	return request_name(request, "disk", "disk: the name of a disk, as /v1/disks shows them");
}

void api_vm_save(struct request *request)
{
	const char *disk = save_disk(request);
	const char *words[5] = {request->vm, disk};
	size_t count = 2;

	if (request_true(request, "overwrite"))
		words[count++] = "overwrite";
	if (request_true(request, "continue"))
		words[count] = "continue";

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

static json_t *save_disk_item(const struct request *request, json_t *row)
{
	static const char *const keys[] = {"name",	"state", "problem",   "driver",
					   "partition", "bytes", "read_only", "users"};
	json_t *item = json_object();

	(void)request;
	for (size_t key = 0; key < sizeof(keys) / sizeof(keys[0]); key++)
		json_object_set(item, keys[key], json_object_get(row, keys[key]));
	return item;
}

static void save_took_disks(uint64_t id, json_t *reply)
{
	ask_took_items(id, reply, save_disk_item);
}

void api_disks(struct request *request)
{
	ask_skerry(request, "disk list", NULL, NULL, save_took_disks);
}
