/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;

/*
 * Opens the ciphers of the machine's encrypted disks, with nothing under way on their links, and
 * wipes the keys that the manager gave. Writes a header to a disk that is empty. Returns false if
 * the machine cannot be used; then it has said why.
 */
bool disk_unlock_all(struct machine *machine) MUST_CHECK;
