/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/* A program's image: `first_page` of that memory and the pages behind it. */
struct program {
	handle_t image;
	u64 first_page;
};

/* What the boot image has besides the manager and the monitor. False: no such program. */
bool program_find(const char *name, struct program *program);
