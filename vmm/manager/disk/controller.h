/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/device.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/pci/pci.h"

/*
 * Disk controllers among the host's PCI functions. A driver's process gets the registers, an
 * interrupt and the addresses of its own memory; configuration space stays with the manager.
 */

/*
 * Finds the disk of a name: "nvme0" is that of the first NVMe controller, in the order of `pci`,
 * "virtio0" the first virtio disk; "ide0.0" to "ide0.3" are master and slave of the primary and of
 * the secondary channel of the first IDE controller; "ahci0.3" is the disk at port 3 of the first
 * AHCI controller, "scsi0.3" target 3 of the first virtio SCSI controller. A controller's PCI
 * address names its first disk. `wanted` may have several such words: the first whose controller
 * exists counts. Returns NULL, with the reason in `problem`, if Skerry has no driver for any of
 * them or the function cannot be used. Otherwise *device is the argument for the returned kind,
 * *unit tells which of its driver's disks it is, and `name` is the driver's name.
 */
const struct driver_kind *controller_find(const char *wanted, u32 *device, u32 *unit,
					  char name[DRIVER_NAME_BYTES], char *problem, size_t size);

/*
 * Returns, as bits, which disks the configuration names of a controller whose disks share one
 * driver.
 */
u32 controller_units(u32 device);
/*
 * Writes the configuration's name of a disk of the driver: the driver's own name if it has one
 * disk.
 */
void controller_disk_name(const struct driver *driver, u32 unit, char name[DRIVER_NAME_BYTES]);

extern const struct driver_kind controller_ahci;
extern const struct driver_kind controller_nvme;
extern const struct driver_kind controller_ide;
extern const struct driver_kind controller_virtio;
extern const struct driver_kind controller_virtio_scsi;
