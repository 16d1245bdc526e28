/* SPDX-License-Identifier: MIT */
/*
 * The list of uploads that were cut off and can be continued. content.c keeps it; it calls nothing
 * but the clock. After a restart of the gateway the list is empty, and uploads begin at 0 again.
 */
#include "gateway/core/live/upload.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"

enum { UPLOADS = 64 };

static struct upload uploads[UPLOADS];

bool upload_is_part(const char *name)
{
	size_t length = strlen(name), end = strlen(UPLOAD_END);

	return length >= end && !strcmp(name + length - end, UPLOAD_END);
}

struct upload *upload_find(const char *part)
{
	for (size_t i = 0; *part && i < UPLOADS; i++) {
		if (!strcmp(uploads[i].part, part))
			return &uploads[i];
	}
	return NULL;
}

/* Returns a free entry of the list, or that of the upload that has been quiet for longest. */
static struct upload *upload_place(void)
{
	struct upload *oldest = &uploads[0];

	for (size_t i = 0; i < UPLOADS; i++) {
		if (!*uploads[i].part)
			return &uploads[i];
		if (uploads[i].last_s < oldest->last_s)
			oldest = &uploads[i];
	}
	return oldest;
}

void upload_begin(const char *part, int64_t volume, int64_t total)
{
	struct upload *upload = upload_find(part);

	if (!upload)
		upload = upload_place();
	*upload = (struct upload){.volume = volume, .total = total, .last_s = clock_now_s()};
	string_copy(upload->part, sizeof(upload->part), part);
}

void upload_note(const char *part, int64_t at)
{
	struct upload *upload = upload_find(part);

	if (!upload)
		return;
	upload->at = at;
	upload->last_s = clock_now_s();
}

void upload_forget(const char *part)
{
	struct upload *upload = upload_find(part);

	if (upload)
		upload->part[0] = 0;
}
