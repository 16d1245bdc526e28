/* SPDX-License-Identifier: MIT */
/*
 * The part of the manager's work that is the same for all drivers of PCI devices: claiming the
 * function, giving out a BAR, making the device quiet. Called by the driver kinds of disks and
 * cards. Holds no state; pci/ writes configuration space.
 */
#include "vmm/manager/driver/device.h"

#include "vmm/manager/driver/device_irq.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

void device_claim(struct process_build *build, struct pci_function *function, const char *driver)
{
	if (function->driver[0] == '\0' && pci_claim(function, driver) != NULL)
		process_build_note(build, "taking its function", STATUS_IN_USE);
}

void device_registers(struct process_build *build, const struct pci_function *function, u32 bar)
{
	handle_t registers = HANDLE_NONE;
	u64 bytes = 0;
	char name[4];

	if (process_build_failed(build))
		return;
	process_build_note(build, "handing it its registers",
			   pci_bar_memory(function, bar, &registers, &bytes));
	process_build_map(build, START_REGISTERS, registers, 0, bytes, RIGHT_READ | RIGHT_WRITE);
	format(name, sizeof(name), "%u", bar);
	process_build_name(build, name);
	if (registers != HANDLE_NONE)
		sys_handle_close(registers);
}

enum status device_quiet(u32 device, const char **problem)
{
	enum status status = pci_quiet(device_function(device), problem);

	if (status == STATUS_OK)
		device_irq_drop(device);
	return status;
}

u64 device_quiet_deadline(u32 device)
{
	return device_function(device)->quiet_deadline_tsc;
}
