/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;
struct firmware_settings;

/*
 * Makes the ROM and the fw_cfg files of a VM that starts by firmware, and maps the ROM below 4 GiB.
 * Returns false if the VM has crashed.
 */
bool firmware_open(struct machine *machine);
/* Returns the firmware's settings from the VM's configuration, such as boot order and names. */
const struct firmware_settings *firmware_settings(void);
