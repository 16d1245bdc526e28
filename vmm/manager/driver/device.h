/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/pci/pci.h"
#include "vmm/manager/process/process_build.h"

/*
 * The device of a driver, as one number: a function of the host's PCI and, where several drivers
 * share a function, a unit of it, such as a disk at an IDE controller.
 */
#define DEVICE_UNITS 32u

static inline u32 device_number(u32 function, u32 unit)
{
	return function * DEVICE_UNITS + unit;
}

static inline struct pci_function *device_function(u32 device)
{
	return pci_get(device / DEVICE_UNITS);
}

static inline u32 device_unit(u32 device)
{
	return device % DEVICE_UNITS;
}

/*
 * For `equip` of driver_kind: gives the PCI function to the driver, unless another driver has it,
 * which fails `build`.
 */
void device_claim(struct process_build *build, struct pci_function *function, const char *driver);
/*
 * Gives the driver's process the registers of a memory BAR, as START_REGISTERS with the BAR's
 * number as name.
 */
void device_registers(struct process_build *build, const struct pci_function *function, u32 bar);
/*
 * Makes the device's PCI function quiet, so that it no longer touches memory: `quiet` for driver
 * kinds whose devices need nothing else.
 */
enum status device_quiet(u32 device, const char **problem);
u64 device_quiet_deadline(u32 device);
