/* SPDX-License-Identifier: MIT */
#include "vmm/manager/disk/controller_irq.h"

#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static handle_t irqs[DRIVER_MAX];
static u32 irq_device[DRIVER_MAX];

/* A new one, for that device; NULL: there is none. */
static handle_t *create(u32 device, u32 line, u32 flags)
{
	u32 free = 0;

	while (free < DRIVER_MAX && irqs[free] != HANDLE_NONE)
		free++;
	if (free == DRIVER_MAX ||
	    sys_irq_create(start_handle(START_ROOT), line, flags, &irqs[free]) != STATUS_OK)
		return NULL;
	irq_device[free] = device;
	return &irqs[free];
}

static void grant(struct process_build *build, handle_t irq)
{
	process_build_grant(build, START_IRQ, irq, RIGHT_BIND | RIGHT_CONTROL, 0);
}

void controller_irq_message(struct process_build *build, struct pci_function *function, u32 device)
{
	handle_t *irq = create(device, 0, IRQ_MSI);
	enum status status;

	if (irq == NULL)
		return;
	status = pci_msix_set(function, 0, *irq);
	if (status != STATUS_OK)
		status = pci_msi_set(function, *irq);
	if (status == STATUS_OK)
		grant(build, *irq);
	else
		controller_irq_drop(device);
}

void controller_irq_line(struct process_build *build, u32 line, u32 device)
{
	handle_t *irq = create(device, line, IRQ_ISA);

	if (irq != NULL)
		grant(build, *irq);
}

void controller_irq_drop(u32 device)
{
	for (u32 i = 0; i < DRIVER_MAX; i++) {
		if (irqs[i] == HANDLE_NONE || irq_device[i] != device)
			continue;
		sys_object_destroy(irqs[i]);
		sys_handle_close(irqs[i]);
		irqs[i] = HANDLE_NONE;
	}
}
