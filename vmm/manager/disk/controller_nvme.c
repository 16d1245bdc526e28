/* SPDX-License-Identifier: MIT */
/* What an NVMe driver gets. */
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/controller_irq.h"
#include "vmm/rt/syscall.h"

/* The registers are BAR 0: NVMe 1.4, 2.1.10. DMA last, when the process has all it needs. */
static void equip_nvme(struct process_build *build, u32 device)
{
	struct pci_function *function = controller_function(device);
	handle_t registers = HANDLE_NONE;
	u64 bytes = 0;

	if (function->driver[0] == '\0' && pci_claim(function, "nvme") != NULL)
		process_build_note(build, "taking its function", STATUS_IN_USE);
	if (process_build_failed(build))
		return;
	process_build_note(build, "handing it its registers",
			   pci_bar_memory(function, 0, &registers, &bytes));
	process_build_map(build, START_REGISTERS, registers, 0, bytes, RIGHT_READ | RIGHT_WRITE);
	if (registers != HANDLE_NONE)
		sys_handle_close(registers);
	if (process_build_failed(build))
		return;
	controller_irq_message(build, function, device);
	pci_enable(function);
}

static enum status quiet_nvme(u32 device, const char **problem)
{
	enum status status = pci_quiet(controller_function(device), problem);

	if (status == STATUS_OK)
		controller_irq_drop(device);
	return status;
}

const struct driver_kind controller_nvme = {
	.image = "nvme",
	.dma = true,
	.equip = equip_nvme,
	.quiet = quiet_nvme,
	.quiet_deadline = controller_quiet_deadline,
};
