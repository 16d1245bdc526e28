/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/driver.h"

/*
 * Disk controllers among the host's PCI functions. A driver's process gets the registers, an
 * interrupt and the addresses of its own memory; what is in configuration space stays with the
 * manager.
 */

/*
 * The controller of that name: "nvme0" is the first NVMe, in the order of `pci`; or a PCI address.
 * NULL: there is none that a driver is here for, or its function cannot be used; `problem` says
 * why. *device is for `kind`; `name` is what its driver is called.
 */
const struct driver_kind *controller_find(const char *wanted, u32 *device,
					  char name[DRIVER_NAME_BYTES], char *problem, size_t size);
