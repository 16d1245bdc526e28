/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Writes the structures that a PC's firmware leaves in the first MiB for code in real mode:
 * interrupt vectors with handlers that acknowledge a device's interrupt and report each service as
 * unsupported, the BIOS data area and EBDA, and a reset at FFFF:0. `ram` is the guest's RAM from
 * address 0 on.
 */
void bios_write(u8 *ram);
