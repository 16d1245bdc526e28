/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/base/buffer.h"
#include "gateway/core/common/name.h"
#include "gateway/core/history/history_record.h"

/*
 * The ring files, one for each thing, of a size that is known before: a head, then a ring of
 * records for each tier. The place of a record follows from its time, so that nothing else need be
 * written.
 */
enum { HISTORY_WHAT_BYTES = 8 + 2 * NAME_BYTES };

/* Opens the folder of the files, and makes it. Returns false after a sentence on stderr. */
bool history_file_setup(void);
/* Returns the bytes of a file of that form. */
size_t history_file_bytes(const struct history_form *form);
/*
 * Returns a file of the thing `what` ("vm/web"), which the caller closes, or -1 if there is none. A
 * file that is cut, foreign or of a later version is renamed, with a sentence on stderr.
 */
int history_file_open(const struct history_form *form, const char *what);
/* Makes the file, with room for all records. Returns it, or -1 after a sentence on stderr. */
int history_file_make(const struct history_form *form, const char *what);
/*
 * Removes the files of the form whose thing `gone` says is gone, the longest unwritten one first,
 * until another one may be made: no more than form->most of the kind, all files together within
 * `most_bytes`, and `spare_bytes` free beside it on the disk. Returns whether it may.
 */
bool history_file_find_room(const struct history_form *form, size_t most_bytes, size_t spare_bytes,
			    bool (*gone)(const char *what));

/* Writes points in their places. Returns false if the disk refuses one. */
bool history_file_write(int fd, const struct history_form *form, unsigned tier,
			const struct history_point *points, unsigned count);
/* Reads the point of `period`; a point that is not there, or not whole, has the count 0. */
struct history_point history_file_point(int fd, const struct history_form *form, unsigned tier,
					uint32_t period);
/* Hands each point that is there of `count` periods, from `first` on, to `take`. */
void history_file_read(int fd, const struct history_form *form, unsigned tier, uint32_t first,
		       uint32_t count,
		       void (*take)(const struct history_point *point, void *context),
		       void *context);
