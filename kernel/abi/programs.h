/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The programs of ring 3 besides the manager and the monitor (START_PROGRAMS): a page of these
 * entries, up to an entry without a name, then the images (image.h), each in whole pages.
 */
struct program_entry {
	char name[48];
	u64 first_page; /* first page of the program's image, counted from the page of entries */
	u64 pages;
};
#define PROGRAM_MAX (4096 / sizeof(struct program_entry))
