/* SPDX-License-Identifier: MIT */
/*
 * Makes interrupts for drivers' devices, as messages or ISA lines, and drops them once a device is
 * quiet. Called by the driver kinds of disks and cards. Owns the list of interrupts.
 */
#include "vmm/manager/driver/device_irq.h"

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define NO_LINE (~0u) /* the interrupt is a message */

static handle_t irqs[DRIVER_MAX];
static u32 irq_device[DRIVER_MAX];

/*
 * Makes an interrupt object for the device, of an ISA line or, with NO_LINE, for a message. Returns
 * NULL if the kernel grants none.
 */
static handle_t *device_irq_create(u32 device, u32 line)
{
	u32 free = 0;

	while (free < DRIVER_MAX && irqs[free] != HANDLE_NONE)
		free++;
	if (free == DRIVER_MAX ||
	    (line == NO_LINE ? sys_irq_create(start_handle(START_ROOT), 0, IRQ_MSI, &irqs[free])
			     : machine_isa_irq(line, 0, &irqs[free])) != STATUS_OK)
		return NULL;
	irq_device[free] = device;
	return &irqs[free];
}

static void device_irq_grant(struct process_build *build, handle_t irq, u64 value)
{
	process_build_grant(build, START_IRQ, irq, RIGHT_BIND | RIGHT_CONTROL, value);
}

bool device_irq_message(struct process_build *build, struct pci_function *function, u32 device)
{
	handle_t *irq = device_irq_create(device, NO_LINE);
	enum status status;

	if (irq == NULL)
		return false;
	status = pci_msix_set(function, 0, iommu_interrupts(function), *irq);
	if (status != STATUS_OK)
		status = pci_msi_set(function, iommu_interrupts(function), *irq);
	if (status == STATUS_OK)
		device_irq_grant(build, *irq, 0);
	else
		device_irq_drop(device);
	return status == STATUS_OK;
}

void device_irq_line(struct process_build *build, u32 line, u32 device)
{
	handle_t *irq = device_irq_create(device, line);

	if (irq != NULL)
		device_irq_grant(build, *irq, DRIVER_IRQ_LINE);
}

void device_irq_any(struct process_build *build, struct pci_function *function, u32 device)
{
	if (device_irq_message(build, function, device))
		return;
	if (function->interrupt_pin != 0 && function->interrupt_line < HOST_ISA_LINES)
		device_irq_line(build, function->interrupt_line, device);
}

void device_irq_drop(u32 device)
{
	for (u32 i = 0; i < DRIVER_MAX; i++) {
		if (irqs[i] == HANDLE_NONE || irq_device[i] != device)
			continue;
		sys_object_destroy(irqs[i]);
		sys_handle_close(irqs[i]);
		irqs[i] = HANDLE_NONE;
	}
}
