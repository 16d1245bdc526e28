/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The room for a name of a VM, a user, a disk or a snapshot, with its NUL. */
enum {
	NAME_BYTES = 32,
	TARGET_BYTES = 2 * NAME_BYTES, /* the room for a name, or STORE/VOLUME, with its NUL */
};

/* Returns whether `name` is 1 to 31 letters, digits, '-', '_' and '.', a letter or digit first. */
bool name_valid(const char *name);
/* Returns whether `name` is that of a disk or of a volume, STORE/VOLUME. */
bool name_of_disk(const char *name);
