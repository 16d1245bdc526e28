/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/*
 * Opens the ciphers of the VM's encrypted disks, while no request is under way on their links, and
 * wipes the keys that the manager gave. Writes a header to a disk that is empty. Returns false,
 * with the VM crashed and the reason told, if a disk cannot be used.
 */
bool disk_unlock_all(struct machine *machine) MUST_CHECK;
