/* SPDX-License-Identifier: MIT */
#include "vmm/manager/disk/controller.h"

#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/pci/pci.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* A driver's interrupt, by the number of its function; kept until the function is quiet. */
static handle_t irqs[DRIVER_MAX];
static u32 irq_device[DRIVER_MAX];

static handle_t *irq_of(u32 device)
{
	for (u32 i = 0; i < DRIVER_MAX; i++) {
		if (irqs[i] != HANDLE_NONE && irq_device[i] == device)
			return &irqs[i];
	}
	return NULL;
}

static void drop_irq(u32 device)
{
	handle_t *irq = irq_of(device);

	if (irq == NULL)
		return;
	sys_object_destroy(*irq);
	sys_handle_close(*irq);
	*irq = HANDLE_NONE;
}

/* A message on CPU 0; without one the driver looks by itself from time to time. */
static void give_irq(struct process_build *build, struct pci_function *function, u32 device)
{
	enum status status;
	u32 free = 0;

	while (free < DRIVER_MAX && irqs[free] != HANDLE_NONE)
		free++;
	if (free == DRIVER_MAX ||
	    sys_irq_create(start_handle(START_ROOT), 0, IRQ_MSI, &irqs[free]) != STATUS_OK)
		return;
	irq_device[free] = device;
	status = pci_msix_set(function, 0, irqs[free]);
	if (status != STATUS_OK)
		status = pci_msi_set(function, irqs[free]);
	if (status == STATUS_OK)
		process_build_grant(build, START_IRQ, irqs[free], RIGHT_BIND | RIGHT_CONTROL, 0);
	else
		drop_irq(device);
}

/* The registers are BAR 0: NVMe 1.4, 2.1.10. DMA last, when the process has all it needs. */
static void equip_nvme(struct process_build *build, u32 device)
{
	struct pci_function *function = pci_get(device);
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
	give_irq(build, function, device);
	pci_enable(function);
}

static enum status quiet(u32 device, const char **problem)
{
	enum status status = pci_quiet(pci_get(device), problem);

	if (status == STATUS_OK)
		drop_irq(device);
	return status;
}

static u64 quiet_deadline(u32 device)
{
	return pci_get(device)->quiet_deadline_tsc;
}

static const struct driver_kind nvme_kind = {
	.image = "nvme",
	.dma = true,
	.equip = equip_nvme,
	.quiet = quiet,
	.quiet_deadline = quiet_deadline,
};

static bool is_nvme(const struct pci_function *function)
{
	return function->class == PCI_CLASS_STORAGE && function->subclass == PCI_STORAGE_NVME &&
	       function->interface == 0x02;
}

/* The function that `wanted` names. */
static struct pci_function *find(const char *wanted)
{
	struct pci_function *function = NULL;
	char name[DRIVER_NAME_BYTES];
	struct pci_address address;
	u32 number = 0;

	if (pci_address_parse(wanted, &address))
		return pci_find(address);
	while ((function = pci_find_class(function, PCI_CLASS_STORAGE, PCI_STORAGE_NVME)) != NULL) {
		if (!is_nvme(function))
			continue;
		format(name, sizeof(name), "nvme%u", number++);
		if (string_equal(name, wanted))
			return function;
	}
	return NULL;
}

/* The number it has among those of its kind. */
static void driver_name(const struct pci_function *wanted, char name[DRIVER_NAME_BYTES])
{
	struct pci_function *function = NULL;
	u32 number = 0;

	while ((function = pci_find_class(function, PCI_CLASS_STORAGE, PCI_STORAGE_NVME)) != wanted)
		number += is_nvme(function);
	format(name, DRIVER_NAME_BYTES, "nvme%u", number);
}

const struct driver_kind *controller_find(const char *wanted, u32 *device,
					  char name[DRIVER_NAME_BYTES], char *problem, size_t size)
{
	struct pci_function *function = find(wanted);

	if (function == NULL || !is_nvme(function)) {
		format(problem, size,
		       "controller: found \"%s\", which is no disk controller of this machine that "
		       "Skerry can drive; `pci` lists what there is",
		       wanted);
		return NULL;
	}
	if (function->problem != NULL) {
		format(problem, size, "controller: %s: %s", wanted, function->problem);
		return NULL;
	}
	*device = (u32)(function - pci_get(0));
	driver_name(function, name);
	return &nvme_kind;
}
