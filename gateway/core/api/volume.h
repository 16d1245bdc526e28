/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "gateway/core/common/name.h"
#include "gateway/core/http/request.h"
#include "gateway/core/live/operation.h"

/* Functions that the handlers of volume.c and volume_copy.c share. */

/* Says why a volume may not have a name that ends in .part. */
extern const char volume_part_problem[];

/*
 * Returns whether the names in the path can be those of a store and a volume. If not, answers the
 * request with 404.
 */
bool volume_path_valid(struct request *request);
/* Writes the volume's name as STORE/VOLUME, as Skerry's commands take it; returns `word`. */
const char *volume_word(const struct request *request, const char *volume, char word[TARGET_BYTES]);
/* Begins an operation: a command whose first word is STORE/VOLUME. */
void volume_begin(struct request *request, enum operation_kind kind, const char *command,
		  const char *const *words, const char *target, unsigned status);
/*
 * Returns whether a volume may be copied. If there is none, or the gateway's own VM uses it or a
 * volume of which it is a copy, answers the request and returns false: the copy would hold the
 * gateway's key, users and tokens.
 */
bool volume_may_be_copied(struct request *request, json_t *rows, const char *name);
