/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/driver.h"
#include "vmm/manager/pci/pci.h"

/*
 * The interrupts of controllers that have a driver, at most one for each `device`. They are kept
 * until the device is quiet. Without one a driver looks by itself from time to time.
 */

/* The function's message, MSI-X or MSI, on CPU 0. */
void controller_irq_message(struct process_build *build, struct pci_function *function, u32 device);
/* An ISA line, if nobody has it. */
void controller_irq_line(struct process_build *build, u32 line, u32 device);
/* Nothing raises it any more. */
void controller_irq_drop(u32 device);
