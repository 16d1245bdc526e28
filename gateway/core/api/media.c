/* SPDX-License-Identifier: MIT */
/*
 * Handler of the CD-ROM drives of running VMs: takes a medium out, puts it back, or puts in another
 * one. The table of routes names it; it begins an operation, and authorise.c has decided whether
 * the asker may put in another medium.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/live/operation.h"

enum { MEDIA_WAIT_S = 10, MEDIA_WORD_BYTES = TARGET_BYTES + 8 };

/*
 * Gets body.KEY, the name of a disk or STORE/VOLUME; *name is NULL if the body has no such member.
 * If the member is no such name, answers the request and returns false.
 */
static bool media_name(struct request *request, const char *key, const char **name)
{
	*name = request_text(request, key);
	if (!fields_below(&request->fields, "body", key) ||
	    (*name && strlen(*name) < TARGET_BYTES && name_of_disk(*name)))
		return true;
	answer_problem(request, 422, "bad-argument",
		       "\"%s\" must be the name of a disk, or STORE/VOLUME, or be left out", key);
	return false;
}

void api_vm_medium(struct request *request)
{
	bool insert = !strcmp(strrchr(request->route->path, '/') + 1, "insert");
	const char *words[4] = {request->vm};
	const char *disk, *medium = NULL;
	char word[MEDIA_WORD_BYTES];
	size_t count = 1;

	if (!media_name(request, "disk", &disk) ||
	    (insert && !media_name(request, "medium", &medium)))
		return;
	if (disk)
		words[count++] = disk;
	if (medium) {
		snprintf(word, sizeof(word), "medium=%s", medium);
		words[count] = word;
	}
	operation_start(request, OPERATION_RESULT, insert ? "vm insert" : "vm eject", words,
			request->vm, NULL, 200, request_wait_s(request, MEDIA_WAIT_S));
}
