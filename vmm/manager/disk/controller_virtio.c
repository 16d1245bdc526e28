/* SPDX-License-Identifier: MIT */
/* What a virtio disk's driver gets. */
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/driver/device_irq.h"
#include "vmm/manager/driver/device_virtio.h"

/* DMA last, when the process has all it needs. */
static void equip_virtio(struct process_build *build, u32 device)
{
	struct pci_function *function = device_function(device);

	device_claim(build, function, "virtio_blk");
	if (process_build_failed(build))
		return;
	device_virtio_give(build, function);
	if (process_build_failed(build))
		return;
	device_irq_any(build, function, device);
	pci_enable(function);
}

const struct driver_kind controller_virtio = {
	.image = "virtio_blk",
	.class = &disk_class,
	.dma = true,
	.direct = true,
	.equip = equip_virtio,
	.quiet = device_quiet,
	.quiet_deadline = device_quiet_deadline,
};
