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
 * "virtio0" the first virtio disk; "ide0.0" to "ide0.3" are master and slave of the primary and
 * of the secondary channel of the first IDE controller; "ahci0.3" is the disk at port 3 of the
 * first AHCI controller, "scsi0.3" target 3 of the first virtio SCSI controller; or a controller's
 * PCI address, for its first one. `wanted` may have several such words: the first one counts whose
 * controller is there. NULL: there is none that a driver is here for, or its function cannot be
 * used; `problem` says why. *device is for `kind`, *unit which of its driver's disks it is; `name`
 * is what its driver is called.
 */
const struct driver_kind *controller_find(const char *wanted, u32 *device, u32 *unit,
					  char name[DRIVER_NAME_BYTES], char *problem, size_t size);

/* Of a controller whose disks have one driver: those that the configuration names, as bits. */
u32 controller_units(u32 device);
/* What the configuration calls a disk of that driver, or its driver, where that has one disk. */
void controller_disk_name(const struct driver *driver, u32 unit, char name[DRIVER_NAME_BYTES]);

extern const struct driver_kind controller_ahci;
extern const struct driver_kind controller_nvme;
extern const struct driver_kind controller_ide;
extern const struct driver_kind controller_virtio;
extern const struct driver_kind controller_virtio_scsi;
