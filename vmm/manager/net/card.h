/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/device.h"
#include "vmm/manager/driver/driver.h"

/*
 * Finds a network card among the host's PCI functions. `wanted` may have several words, each "net0"
 * for the first card that Skerry can drive, in the order of `pci`, or a PCI address; the first
 * whose card exists counts. Returns NULL, with the reason in `problem`, if there is none or its
 * function cannot be used. `name` receives the name of its driver.
 */
const struct driver_kind *card_find(const char *wanted, u32 *device, char name[DRIVER_NAME_BYTES],
				    char *problem, size_t size);
