/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What a PC's firmware leaves in the first MiB for code in real mode: interrupt vectors with
 * handlers that acknowledge a device's interrupt and say of each service that it is not there,
 * BIOS data area and EBDA, and at FFFF:0 a reset. `ram` is the guest's RAM from address 0 on.
 */
void bios_write(u8 *ram);
