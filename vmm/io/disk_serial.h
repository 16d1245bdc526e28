/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define DISK_SERIAL_BYTES 20u /* virtio 1.2, 5.2.6: terminated where it is shorter only */

/*
 * A disk's serial number as its guest gets it: its name, and of a longer one the beginning and a
 * sum over all of it, so that two disks whose names begin alike are not taken for one another.
 */
void disk_serial(const char *name, char serial[DISK_SERIAL_BYTES]);
