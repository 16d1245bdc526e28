/* SPDX-License-Identifier: MIT */
/*
 * Handlers that save a VM on a disk and restore it from there. The table of routes names them;
 * each begins an operation.
 */
#include "gateway/core/api/api.h"

#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/http/request.h"
#include "gateway/core/live/operation.h"

enum { SAVE_WAIT_S = 10 };

/* Returns body.disk. If it is not valid, answers the request and returns NULL. */
static const char *save_disk(struct request *request)
{
	return ask_name(request, "disk", "set \"disk\" to the name of a disk that /v1/disks shows");
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

	if (disk)
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
