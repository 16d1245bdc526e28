/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/* The place of a program's image: the pages of `image` from `first_page` on. */
struct program {
	handle_t image;
	u64 first_page;
};

/*
 * Finds a program of the boot image besides the manager and the monitor. Returns false if there is
 * none of that name.
 */
bool program_find(const char *name, struct program *program);
