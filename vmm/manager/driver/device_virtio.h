/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/pci/pci.h"
#include "vmm/manager/process/process_build.h"

/*
 * Gives a driver's process the structures of a virtio device (virtio 1.2, 4.1.4): each as
 * START_REGISTERS with its name, and the multiplier of its notify offsets. A device without one of
 * them fails `build`.
 */
void device_virtio_give(struct process_build *build, const struct pci_function *function);
