/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/common/name.h"

/* What the name of a volume ends with that is not whole yet; other volumes get no such name. */
#define UPLOAD_END ".part"

/* An upload that can go on: how much of it is on the disk, in which volume. */
struct upload {
	char part[TARGET_BYTES]; /* STORE/VOLUME.part; "": free */
	int64_t volume;		 /* Skerry's id of that volume */
	int64_t at, total;
	double last_s;
};

/* Returns whether a name is one of unfinished uploads. */
bool upload_is_part(const char *name);
/* Returns the upload into that volume, or NULL. */
struct upload *upload_find(const char *part);
/* Notes a new upload. The one that was heard of longest ago is forgotten for it. */
void upload_begin(const char *part, int64_t volume, int64_t total);
void upload_note(const char *part, int64_t at);
void upload_forget(const char *part);
