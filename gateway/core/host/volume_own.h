/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Returns the row of the volume `name` in Skerry's list of its store, or NULL. */
json_t *volume_row(json_t *rows, const char *name);
/*
 * Returns whether the gateway's own VM uses the volume, or a volume that it was cloned from or is a
 * snapshot of: it then holds the gateway's key, users and tokens. `rows` is Skerry's list of the
 * store.
 */
bool volume_is_own(json_t *rows, const char *name);
