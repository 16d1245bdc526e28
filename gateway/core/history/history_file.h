/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/base/buffer.h"
#include "gateway/core/common/name.h"
#include "gateway/core/history/history_record.h"

/*
 * The ring files, one for each thing, of a fixed size: a head, then a ring of records for each
 * tier. A record's time determines its place, so that no index is stored.
 */
enum { HISTORY_WHAT_BYTES = 8 + 2 * NAME_BYTES };

/*
 * Opens the folder of the files, which is made if it is missing. Returns false after a sentence on
 * stderr.
 */
bool history_file_setup(void);
/* Returns the bytes of a file of that form. */
size_t history_file_bytes(const struct history_form *form);
/*
 * Returns a descriptor of the file of the thing `what` ("vm/web"), which the caller closes, or -1
 * if there is no file. A file that is cut, foreign or of a later version is renamed, with a
 * sentence on stderr.
 */
int history_file_open(const struct history_form *form, const char *what);
/* Makes the file, with room for all records. Returns it, or -1 after a sentence on stderr. */
int history_file_make(const struct history_form *form, const char *what);
/*
 * Removes files of this form whose thing is gone, according to `gone`, the longest unwritten first,
 * until there is room for another file: at most form->most files of the kind, at most `most_bytes`
 * in all files together, and `spare_bytes` left free on the disk. Returns whether there is room.
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
