/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"
#include "vmm/rt/firmware_settings.h"

/* Returns the name of a key that only a VM with firmware has, if one is set; else NULL. */
const char *config_firmware_key(const struct vm_config *vm);
/*
 * Says what is wrong with the values of the keys that only a VM with firmware has; returns false if
 * nothing is.
 */
bool config_firmware_wrong(const struct vm_config *vm, char *problem, size_t size);
/* Says what is wrong with the disk for firmware's variables; returns false if nothing is. */
bool config_flash_wrong(const struct vm_config *vm, char *problem, size_t size);
/* Says what is wrong with the disks for the SCSI host; returns false if nothing is. */
bool config_scsi_wrong(const struct vm_config *vm, char *problem, size_t size);
/*
 * Reads the value of boot.order or boot.once. Returns false if it has a word other than disk, cdrom
 * and net, or one of these twice.
 */
bool config_firmware_order(const char *text, u8 order[FIRMWARE_KIND_COUNT - 1]);
