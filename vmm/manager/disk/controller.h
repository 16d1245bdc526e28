/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/device.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/pci/pci.h"

/*
 * Disk controllers among the host's PCI functions. A driver's process gets the registers, an
 * interrupt and the addresses of its own memory; what is in configuration space stays with the
 * manager.
 */

/*
 * The disk of that name: "nvme0" is that of the first NVMe controller, in the order of `pci`,
 * "virtio0" the first virtio disk;
 * "ide0.0" to "ide0.3" are master and slave of the primary and of the secondary channel of the
 * first IDE controller; or a controller's PCI address, for its first one. `wanted` may have several
 * such words: the first one counts whose controller is there. NULL: there is none that a driver is
 * here for, or its function cannot be used; `problem` says why. *device is for `kind`; `name` is
 * what its driver is called.
 */
const struct driver_kind *controller_find(const char *wanted, u32 *device,
					  char name[DRIVER_NAME_BYTES], char *problem, size_t size);

extern const struct driver_kind controller_nvme;
extern const struct driver_kind controller_ide;
extern const struct driver_kind controller_virtio;
