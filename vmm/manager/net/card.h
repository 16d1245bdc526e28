/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/device.h"
#include "vmm/manager/driver/driver.h"

/*
 * Network cards among the host's PCI functions. `wanted` may have several words, each "net0" for
 * the first card that Skerry can drive, in the order of `pci`, or a PCI address; the first one
 * counts whose card is there. NULL: there is none, or its function cannot be used; `problem` says
 * why. `name` is what its driver is called.
 */
const struct driver_kind *card_find(const char *wanted, u32 *device, char name[DRIVER_NAME_BYTES],
				    char *problem, size_t size);
