/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* length of a serial number; a serial of just this length is not terminated (virtio 1.2, 5.2.6) */
#define DISK_SERIAL_BYTES 20u

/*
 * Writes a disk's serial number as its guest sees it: the name; for a longer name its beginning and
 * a hash of all of it, so that disks whose names begin alike stay distinct.
 */
void disk_serial(const char *name, char serial[DISK_SERIAL_BYTES]);
