/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;
struct firmware_settings;

/*
 * Makes the ROM and the files of a machine that starts by firmware, and maps the ROM below 4 GiB.
 * Returns false if the machine has crashed.
 */
bool firmware_open(struct machine *machine);
/* Returns what such a machine is told beside its devices. */
const struct firmware_settings *firmware_settings(void);
