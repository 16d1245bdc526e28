/* SPDX-License-Identifier: MIT */
/*
 * Gives the driver of an NVMe controller its registers and interrupt. Called through the driver
 * kind by vmm/manager/driver; holds no state.
 */
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/driver/device_irq.h"

/*
 * Gives the driver's process its registers, interrupt and memory. The registers are BAR 0 (NVMe
 * 1.4, 2.1.10); DMA is enabled last, when all the rest is there.
 */
static void controller_nvme_equip(struct process_build *build, u32 device)
{
	struct pci_function *function = device_function(device);

	device_claim(build, function, "nvme");
	device_registers(build, function, 0);
	if (process_build_failed(build))
		return;
	(void)!device_irq_message(build, function, device);
	pci_enable(function);
}

const struct driver_kind controller_nvme = {
	.image = "nvme",
	.class = &disk_class,
	.dma = true,
	.direct = true,
	.equip = controller_nvme_equip,
	.quiet = device_quiet,
	.quiet_deadline = device_quiet_deadline,
};
