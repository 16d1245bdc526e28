/* SPDX-License-Identifier: MIT */
/*
 * Gives the drivers of virtio disks and of virtio SCSI controllers their registers and interrupts.
 * Called through the driver kinds by vmm/manager/driver; holds no state.
 */
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/driver/device_irq.h"
#include "vmm/manager/driver/device_virtio.h"

/*
 * Gives the driver's process the device's structures, its interrupt and memory; DMA is enabled
 * last, when all the rest is there.
 */
static void controller_virtio_equip_with(struct process_build *build, u32 device, const char *image)
{
	struct pci_function *function = device_function(device);

	device_claim(build, function, image);
	if (process_build_failed(build))
		return;
	device_virtio_give(build, function);
	if (process_build_failed(build))
		return;
	device_irq_any(build, function, device);
	pci_enable(function);
}

static void controller_virtio_equip_blk(struct process_build *build, u32 device)
{
	controller_virtio_equip_with(build, device, "virtio_blk");
}

static void controller_virtio_equip_scsi(struct process_build *build, u32 device)
{
	controller_virtio_equip_with(build, device, "virtio_scsi");
	if (!process_build_failed(build))
		build->info->parameter[DRIVER_UNITS] = controller_units(device);
}

const struct driver_kind controller_virtio = {
	.image = "virtio_blk",
	.class = &disk_class,
	.dma = true,
	.direct = true,
	.equip = controller_virtio_equip_blk,
	.quiet = device_quiet,
	.quiet_deadline = device_quiet_deadline,
};

const struct driver_kind controller_virtio_scsi = {
	.image = "virtio_scsi",
	.class = &disk_class,
	.dma = true,
	.direct = true,
	.units = DISK_UNIT_MAX,
	.equip = controller_virtio_equip_scsi,
	.quiet = device_quiet,
	.quiet_deadline = device_quiet_deadline,
};
