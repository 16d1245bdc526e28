/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/pci/pci.h"
#include "vmm/manager/process/process_build.h"

/*
 * The interrupts of functions that have a driver, at most one for each `device`. They are kept
 * until the device is quiet. A driver without an interrupt polls its device from time to time.
 */

/*
 * Gives the driver's process the function's message, MSI-X or MSI, on CPU 0. Returns false if the
 * function has none or the kernel grants none.
 */
bool device_irq_message(struct process_build *build, struct pci_function *function, u32 device);
/* Gives the driver's process an ISA line, if no other device has it. */
void device_irq_line(struct process_build *build, u32 line, u32 device);
/*
 * Gives the driver's process the message, or else the line that the firmware has left in
 * configuration space: an ISA line, to which the chipset leads those of PCI where there are no
 * messages.
 */
void device_irq_any(struct process_build *build, struct pci_function *function, u32 device);
/* Drops the device's interrupt; the device must be quiet, so that it raises none any more. */
void device_irq_drop(u32 device);
