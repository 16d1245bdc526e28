/* SPDX-License-Identifier: MIT */
/*
 * Checks the keys that only a VM with firmware has, and reads the order of boot. Called by
 * config_check.c and vm_firmware.c. Holds no state.
 */
#include "vmm/manager/config/config_firmware.h"

#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/guid.h"
#include "vmm/rt/format.h"

const char *config_firmware_key(const struct vm_config *vm)
{
	if (vm->boot_order[0] != '\0')
		return "boot.order";
	if (vm->boot_once[0] != '\0')
		return "boot.once";
	if (vm->boot_menu != 0)
		return "boot.menu";
	if (vm->seed[0] != '\0')
		return "seed";
	if (vm->smbios_uuid[0] != '\0')
		return "smbios.uuid";
	if (vm->smbios_vendor[0] != '\0')
		return "smbios.vendor";
	if (vm->smbios_product[0] != '\0')
		return "smbios.product";
	return vm->smbios_serial[0] != '\0' ? "smbios.serial" : NULL;
}

bool config_firmware_order(const char *text, u8 order[FIRMWARE_KIND_COUNT - 1])
{
	struct text rest = text_of(text);
	struct text part;
	u32 taken = 0; /* a bit for each kind of device that boot.order has already named */
	u32 count = 0;
	bool more;

	memset(order, FIRMWARE_KIND_NONE, FIRMWARE_KIND_COUNT - 1);
	do {
		more = config_split(rest, ',', &part, &rest);
		for (struct text word; text_next_word(&part, &word);) {
			/* in the order of enum firmware_kind */
			int kind = config_find_word("disk cdrom net", word) + 1;

			if (kind == 0 || (taken >> kind & 1) != 0)
				return false;
			taken |= 1u << kind;
			order[count++] = (u8)kind;
		}
	} while (more);
	return true;
}

bool config_flash_wrong(const struct vm_config *vm, char *problem, size_t size)
{
	char name[CONFIG_DISK_BYTES];
	const char *wrong = NULL;
	u32 count = 0;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && wrong == NULL; i++) {
		if ((vm->disk[i].flags & VM_DISK_FLASH) == 0)
			continue;
		(void)config_disk_name(&vm->disk[i], name);
		if (vm->boot != BOOT_UEFI)
			wrong = "is for boot = uefi; set that, or leave out flash";
		else if ((vm->disk[i].flags & VM_DISK_READ_ONLY) != 0)
			wrong = "has to be written; leave out ro and cdrom";
		else if (++count == 2)
			wrong = "is a second one; a VM has one disk for its firmware's variables";
	}
	if (wrong != NULL)
		format(problem, size, "VM %s: disk = %s flash %s", vm->name, name, wrong);
	return wrong != NULL;
}

bool config_scsi_wrong(const struct vm_config *vm, char *problem, size_t size)
{
	char name[CONFIG_DISK_BYTES];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		u32 flags = vm->disk[i].flags;

		if ((flags & VM_DISK_SCSI) == 0 || (flags & (VM_DISK_CDROM | VM_DISK_FLASH)) == 0)
			continue;
		(void)config_disk_name(&vm->disk[i], name);
		format(problem, size, "VM %s: disk = %s has scsi besides %s; leave out scsi, as %s",
		       vm->name, name, (flags & VM_DISK_CDROM) != 0 ? "cdrom" : "flash",
		       (flags & VM_DISK_CDROM) != 0 ? "a CD-ROM drive has a SCSI host of its own"
						    : "the guest finds no disk there");
		return true;
	}
	return false;
}

/* Says what is wrong with an order of boot, the value of `key`; returns false if nothing is. */
static bool config_order_wrong(const struct vm_config *vm, const char *key, const char *value,
			       char *problem, size_t size)
{
	u8 order[FIRMWARE_KIND_COUNT - 1];

	if (config_firmware_order(value, order))
		return false;
	format(problem, size,
	       "VM %s: %s = %s is not valid; use any of disk, cdrom and net, each once", vm->name,
	       key, value);
	return true;
}

bool config_firmware_wrong(const struct vm_config *vm, char *problem, size_t size)
{
	u8 id[16];

	if (config_order_wrong(vm, "boot.order", vm->boot_order, problem, size) ||
	    config_order_wrong(vm, "boot.once", vm->boot_once, problem, size))
		return true;
	if (vm->smbios_uuid[0] != '\0' && !guid_parse(vm->smbios_uuid, id))
		format(problem, size,
		       "VM %s: smbios.uuid = %s is not valid; use a UUID such as "
		       "0b1f3c5e-89ab-4cde-8f01-23456789abcd",
		       vm->name, vm->smbios_uuid);
	else
		return false;
	return true;
}
