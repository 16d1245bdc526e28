/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * Makes the ROM and the files of a machine that starts by firmware, and maps the ROM below 4 GiB.
 * Returns false if the machine has crashed.
 */
bool firmware_open(struct machine *machine);
