/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The row of a volume in Skerry's list of its store, or NULL. */
json_t *volume_row(json_t *rows, const char *name);
/*
 * Returns whether the gateway's own VM uses the volume, or one that it was cloned from or is a
 * snapshot of: it holds the gateway's key, users and tokens then. `rows` is the list of its store.
 */
bool volume_is_own(json_t *rows, const char *name);
