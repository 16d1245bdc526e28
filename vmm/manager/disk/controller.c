/* SPDX-License-Identifier: MIT */
/* Disk controllers on PCI: which driver drives which, and what its process gets of the function. */
#include "vmm/manager/disk/controller.h"

#include "vmm/manager/pci/pci.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define CLASS_STORAGE 0x01u
#define SUBCLASS_NVME 0x08u
#define INTERFACE_NVME 0x02u
#define REGISTERS_BAR 0u

static void give_registers(struct process_build *build, const struct pci_function *function)
{
	handle_t memory = HANDLE_NONE;
	u64 bytes = 0;

	process_build_note(build, "finding its device's registers",
			   pci_bar_memory(function, REGISTERS_BAR, &memory, &bytes));
	process_build_map(build, START_REGISTERS, memory, 0, bytes, RIGHT_READ | RIGHT_WRITE);
	if (memory != HANDLE_NONE)
		sys_handle_close(memory);
}

/* One message, to the boot CPU; without any the driver looks from time to time. */
static void give_interrupt(struct process_build *build, struct driver *driver,
			   struct pci_function *function)
{
	if (driver->irq == HANDLE_NONE &&
	    sys_irq_create(start_handle(START_ROOT), 0, IRQ_MSI, &driver->irq) != STATUS_OK)
		return;
	if (pci_msix_set(function, 0, driver->irq) != STATUS_OK &&
	    pci_msi_set(function, driver->irq) != STATUS_OK)
		return;
	process_build_grant(build, START_IRQ, driver->irq,
			    RIGHT_READ | RIGHT_BIND | RIGHT_CONTROL, 0);
}

static void equip(struct process_build *build, struct driver *driver)
{
	struct pci_function *function = pci_get(driver->device);

	give_registers(build, function);
	if (process_build_failed(build))
		return;
	give_interrupt(build, driver, function);
	pci_enable(function);
}

static enum status quiet(struct driver *driver, const char **problem)
{
	return pci_quiet(pci_get(driver->device), problem);
}

static const struct driver_kind nvme_kind = {
	.image = "nvme", .dma = true, .equip = equip, .quiet = quiet};

static bool is_nvme(const struct pci_function *function)
{
	return function->class == CLASS_STORAGE && function->subclass == SUBCLASS_NVME &&
	       function->interface == INTERFACE_NVME;
}

/* nvmeN: the N-th one, in the order of PCI addresses. */
static struct pci_function *find_by_name(const char *name)
{
	char wanted[16];
	u32 count = 0;

	for (u32 i = 0; i < pci_count(); i++) {
		if (!is_nvme(pci_get(i)))
			continue;
		format(wanted, sizeof(wanted), "nvme%u", count++);
		if (strcmp(wanted, name) == 0)
			return pci_get(i);
	}
	return NULL;
}

static u32 number_of(const struct pci_function *function)
{
	u32 number = 0;

	while (pci_get(number) != function)
		number++;
	return number;
}

static void show_known(char *problem, size_t size)
{
	size_t length = format(problem, size, "no disk controller of that name, there are: memory");
	char address[PCI_ADDRESS_BYTES];
	u32 count = 0;

	for (u32 i = 0; i < pci_count() && length < size; i++) {
		if (!is_nvme(pci_get(i)))
			continue;
		pci_address_text(pci_get(i)->address, address);
		length += format(problem + length, size - length, ", nvme%u (%s)", count++,
				 address);
	}
}

struct driver *controller_driver(const char *name, char *problem, size_t size)
{
	struct pci_address address;
	struct pci_function *function = pci_address_parse(name, &address) ? pci_find(address)
									   : find_by_name(name);
	char text[PCI_ADDRESS_BYTES];
	const char *why;

	if (function == NULL || !is_nvme(function)) {
		show_known(problem, size);
		return NULL;
	}
	pci_address_text(function->address, text);
	if (driver_find(text) != NULL)
		return driver_find(text);
	why = pci_claim(function, "nvme");
	if (why != NULL) {
		format(problem, size, "%s", why);
		return NULL;
	}
	return driver_create(text, &nvme_kind, number_of(function), NULL, 0, problem, size);
}
