/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/common/name.h"

/*
 * The end of the name of a volume whose upload is not complete; no other volume may have such a
 * name.
 */
#define UPLOAD_END ".part"

/* An upload that can be continued: its volume, and how many bytes are on the disk. */
struct upload {
	char part[TARGET_BYTES]; /* STORE/VOLUME.part; "": the entry is free */
	int64_t volume;		 /* Skerry's id of the volume into which the upload goes */
	int64_t at, total;
	double last_s;
};

/* Returns whether a volume's name is that of an unfinished upload. */
bool upload_is_part(const char *name);
/* Returns the unfinished upload into the volume `part`, or NULL. */
struct upload *upload_find(const char *part);
/*
 * Notes a new upload. If the list is full, the upload that has been quiet for longest is forgotten.
 */
void upload_begin(const char *part, int64_t volume, int64_t total);
void upload_note(const char *part, int64_t at);
void upload_forget(const char *part);
