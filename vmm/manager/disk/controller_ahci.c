/* SPDX-License-Identifier: MIT */
/*
 * Gives the driver of an AHCI controller its registers, which are those of all ports, and the set
 * of its disks that the configuration names; resets the controller after a driver's end. Called
 * through the driver kind by vmm/manager/driver. Owns the list of resets under way.
 */
#include "lib/bits.h"
#include "vmm/hw/ahci.h"
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/driver/device_irq.h"
#include "vmm/manager/pci/pci_access.h"
#include "vmm/manager/pci/pci_memory.h"
#include "vmm/rt/clock.h"

#define RESET_NS NS_PER_S /* AHCI 1.3.1, 10.4.3 */
#define LOOK_NS	 (5 * NS_PER_MS)

/* A controller whose reset is under way, with its registers. */
static struct reset {
	bool begun;
	u32 device;
	u64 limit_tsc;
	struct pci_memory registers;
} ahci_resets[DRIVER_MAX];

/*
 * Gives the driver's process its registers, interrupt and memory; DMA is enabled last, when all the
 * rest is there.
 */
static void controller_ahci_equip(struct process_build *build, u32 device)
{
	struct pci_function *function = device_function(device);

	device_claim(build, function, "ahci");
	device_registers(build, function, AHCI_BAR);
	if (process_build_failed(build))
		return;
	build->info->parameter[DRIVER_UNITS] = controller_units(device);
	device_irq_any(build, function, device);
	pci_enable(function);
}

static volatile u32 *controller_ahci_control_of(const struct reset *reset)
{
	return (volatile u32 *)((volatile u8 *)reset->registers.at + AHCI_GHC);
}

/*
 * Returns the entry of the reset under way for that device (`begun`), or a free entry; NULL if
 * there is none.
 */
static struct reset *controller_ahci_find_reset(bool begun, u32 device)
{
	for (u32 i = 0; i < DRIVER_MAX; i++) {
		if (ahci_resets[i].begun == begun && (!begun || ahci_resets[i].device == device))
			return &ahci_resets[i];
	}
	return NULL;
}

/* Begins to reset a controller. Returns NULL if its registers cannot be reached. */
static struct reset *controller_ahci_begin_reset(u32 device)
{
	struct reset *reset = controller_ahci_find_reset(false, 0);
	u64 registers = device_function(device)->bar[AHCI_BAR].address;

	if (reset == NULL || !pci_memory_open(registers, PAGE_SIZE, &reset->registers))
		return NULL;
	reset->begun = true;
	reset->device = device;
	reset->limit_tsc = clock_tsc() + clock_ns_to_tsc(RESET_NS);
	*controller_ahci_control_of(reset) = (u32)AHCI_GHC_ENABLE;
	*controller_ahci_control_of(reset) = (u32)(AHCI_GHC_ENABLE | AHCI_GHC_RESET);
	return reset;
}

/* Returns STATUS_OK once the reset has ended: the controller has then forgotten its commands. */
static enum status controller_ahci_look_for_end(struct reset *reset, const char **problem)
{
	bool done = (*controller_ahci_control_of(reset) & AHCI_GHC_RESET) == 0;

	if (!done && clock_tsc() < reset->limit_tsc)
		return STATUS_AGAIN;
	pci_memory_close(&reset->registers);
	reset->begun = false;
	*problem = "it does not return from its reset";
	return done ? STATUS_OK : STATUS_BAD_STATE;
}

/*
 * Returns whether the controller has to be reset. A function that does not decode memory does not
 * answer, and never had DMA.
 */
static bool controller_ahci_needs_reset(const struct pci_function *function)
{
	return !pci_can_reset(function) &&
	       (pci_read(function->address, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) != 0;
}

/*
 * Stops the controller after a driver's end. With bus mastering off nothing goes to memory; but a
 * command under way would continue once it is on again, before the next driver could stop it.
 */
static enum status controller_ahci_quiet(u32 device, const char **problem)
{
	struct pci_function *function = device_function(device);
	struct reset *reset = controller_ahci_find_reset(true, device);
	enum status status = STATUS_OK;

	if (reset == NULL) {
		status = pci_quiet(function, problem);
		if (status != STATUS_OK)
			return status;
		if (controller_ahci_needs_reset(function)) {
			reset = controller_ahci_begin_reset(device);
			*problem = "its registers cannot be reached";
			status = reset != NULL ? STATUS_OK : STATUS_BAD_STATE;
		}
	}
	if (reset != NULL)
		status = controller_ahci_look_for_end(reset, problem);
	if (status == STATUS_OK)
		device_irq_drop(device);
	return status;
}

static u64 controller_ahci_quiet_deadline(u32 device)
{
	if (controller_ahci_find_reset(true, device) != NULL)
		return clock_tsc() + clock_ns_to_tsc(LOOK_NS);
	return device_quiet_deadline(device);
}

const struct driver_kind controller_ahci = {
	.image = "ahci",
	.class = &disk_class,
	.dma = true,
	.direct = true,
	.units = DISK_UNIT_MAX,
	.equip = controller_ahci_equip,
	.quiet = controller_ahci_quiet,
	.quiet_deadline = controller_ahci_quiet_deadline,
};
