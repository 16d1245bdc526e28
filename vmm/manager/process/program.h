/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/* Where a program's image is: in the pages of `image` from `first_page` on. */
struct program {
	handle_t image;
	u64 first_page;
};

/*
 * Finds a program of the boot image besides the manager and the monitor. Returns false if there is
 * none of that name.
 */
bool program_find(const char *name, struct program *program);
