/* SPDX-License-Identifier: MIT */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest/afl/area.h"

/* Where a Linux guest has the window's device: it is in slot 6. */
#define WINDOW_DEVICE "/sys/bus/pci/devices/0000:00:06.0/"

/* Maps a BAR; *bytes is its size. NULL: there is none, or this process is not root's. */
static inline void *window_map(const char *resource, u64 *bytes)
{
	int file = open(resource, O_RDWR);
	struct stat what;
	void *at = MAP_FAILED;

	if (file >= 0 && fstat(file, &what) == 0) {
		*bytes = (u64)what.st_size;
		at = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	}
	close(file);
	return at != MAP_FAILED ? at : NULL;
}
