/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "vmm/manager/vm/vm.h"

/*
 * Notes the facts that an earlier start has left in the channel, before that is cleared for another
 * one.
 */
void vm_firmware_note(struct vm *vm);
/*
 * Returns whether the guest has used its seed, the user-data for cloud-init, in an earlier start.
 */
bool vm_firmware_seed_is_gone(const struct vm *vm);
/* Fills in the settings for the monitor of a VM with firmware; does nothing for other VMs. */
void vm_firmware_fill(const struct vm *vm, struct start_info *info);
/*
 * Tells the VM's monitor to start the guest. Takes away the key boot.once, which the start has used
 * up.
 */
void vm_firmware_start(struct vm *vm);
/*
 * Returns those bits of the flags in the monitor's start page that say which disks hold the CDs of
 * CD-ROM drives, and which has the firmware's variables.
 */
u64 vm_firmware_disks(const struct vm *vm);
