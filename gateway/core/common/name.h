/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The length of a name of a VM, a user, a disk or a snapshot, with the 0 that ends it. */
enum {
	NAME_BYTES = 32,
	TARGET_BYTES = 2 * NAME_BYTES, /* a name, or STORE/VOLUME, with the 0 that ends it */
};

/* Returns whether `name` is 1 to 31 letters, digits, '-', '_' and '.', a letter or digit first. */
bool name_valid(const char *name);
