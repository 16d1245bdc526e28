/* SPDX-License-Identifier: MIT */
/*
 * Tells the monitor of a VM with firmware what its guest finds besides devices: the order of boot,
 * and what SMBIOS says of the VM. Called by vm_build.c and,
 * at each start, by vm_act.c and vm_report.c; holds no state.
 */
#include "vmm/manager/vm/process/vm_firmware.h"

#include "vmm/manager/config/config_firmware.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/vm/process/vm_user_data.h"

#define VENDOR	"Skerry"
#define PRODUCT "Skerry virtual machine"
/* what firmware does by itself */
#define USUAL_ORDER "disk cdrom net"

static void vm_firmware_choose(char to[FIRMWARE_TEXT_BYTES], const char *key, const char *otherwise)
{
	string_copy(to, FIRMWARE_TEXT_BYTES, key[0] != '\0' ? key : otherwise);
}

/* Returns the length of the VM's user-data, whether it is still there or not. */
static u32 vm_firmware_seed_bytes(const struct vm *vm)
{
	const struct file *file = file_find(vm->config.seed);

	if (vm_user_data_is_given(&vm->config))
		return vm->user_data.size;
	return file != NULL ? (u32)file->size : 0;
}

/* Adds behind the kinds that an order names those that only `rest` names. */
static void vm_firmware_complete(u8 order[FIRMWARE_KIND_COUNT - 1],
				 const u8 rest[FIRMWARE_KIND_COUNT - 1])
{
	u32 taken = 0;
	u32 count = 0;

	while (count < FIRMWARE_KIND_COUNT - 1 && order[count] != FIRMWARE_KIND_NONE)
		taken |= 1u << order[count++];
	for (u32 i = 0; i < FIRMWARE_KIND_COUNT - 1 && rest[i] != FIRMWARE_KIND_NONE; i++)
		if ((taken >> rest[i] & 1) == 0)
			order[count++] = rest[i];
}

/* Returns whether the VM's next start is by boot.once; going on from a save is none. */
static bool vm_firmware_boots_once(const struct vm *vm)
{
	return vm->config.boot_once[0] != '\0' &&
	       vm->operation[OPERATION_SAVE].phase != SAVE_RESTORING;
}

/*
 * Fills in the orders of boot, which were checked when they were set. UEFI firmware keeps the last
 * order that it was told, and drops the systems of devices that this order does not name. So an
 * order for one start names all kinds, and after it the VM is told an order at each start.
 */
static void vm_firmware_fill_orders(const struct vm *vm, struct firmware_settings *settings)
{
	bool once = vm_firmware_boots_once(vm);
	bool usual = vm->config.boot_order[0] == '\0' && (once || vm->booted_once);

	(void)!config_firmware_order(usual ? USUAL_ORDER : vm->config.boot_order, settings->order);
	if (!once)
		return;
	(void)!config_firmware_order(vm->config.boot_once, settings->once);
	vm_firmware_complete(settings->once, settings->order);
}

void vm_firmware_fill(const struct vm *vm, struct start_info *info)
{
	const struct vm_config *config = &vm->config;
	struct firmware_settings settings = {.menu = config->boot_menu != 0,
					     .seed_bytes = vm_firmware_seed_bytes(vm)};

	if (config->boot == BOOT_KERNEL)
		return;
	vm_firmware_fill_orders(vm, &settings);
	/* the UUID was checked when it was set */
	(void)!guid_parse(config->smbios_uuid[0] != '\0' ? config->smbios_uuid : vm->uuid,
			  settings.uuid);
	string_copy(settings.instance, sizeof(settings.instance), vm->uuid);
	string_copy(settings.name, sizeof(settings.name), config->name);
	vm_firmware_choose(settings.vendor, config->smbios_vendor, VENDOR);
	vm_firmware_choose(settings.product, config->smbios_product, PRODUCT);
	vm_firmware_choose(settings.serial, config->smbios_serial, config->name);
	memcpy(info->command_line, &settings, sizeof(settings));
}

void vm_firmware_note(struct vm *vm)
{
	if (vm->channel->seed_taken != 0) {
		string_copy(vm->seed_used, sizeof(vm->seed_used), vm->seed_offered);
		log_message(LOG_INFO, LOG_VM, vm->config.name,
			    "its guest has used its seed, whose text is gone from the drive");
	}
	string_copy(vm->seed_offered, sizeof(vm->seed_offered), vm->config.seed);
	vm_user_data_settle(vm);
}

void vm_firmware_start(struct vm *vm)
{
	vm_send(vm, VM_COMMAND_START);
	if (!vm_firmware_boots_once(vm))
		return;
	vm->config.boot_once[0] = '\0';
	vm->config.given &= ~config_key_bit(config_vm_keys, "boot.once");
	vm->booted_once = true;
	vm->revision++;
	vm_event(vm->config.name, vm->uuid, EVENT_CONFIGURATION, "");
}

bool vm_firmware_seed_is_gone(const struct vm *vm)
{
	return vm->config.seed[0] != '\0' && string_equal(vm->seed_used, vm->config.seed);
}

u64 vm_firmware_disks(const struct vm *vm)
{
	u64 bits = vm_firmware_seed_is_gone(vm) ? (u64)MONITOR_SEED_GONE : 0;

	for (u64 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if ((vm->config.disk[i].flags & VM_DISK_CDROM) != 0)
			bits |= BIT(MONITOR_DRIVE_SHIFT + i);
		if ((vm->config.disk[i].flags & VM_DISK_SCSI) != 0)
			bits |= BIT(MONITOR_SCSI_SHIFT + i);
		if ((vm->config.disk[i].flags & VM_DISK_FLASH) != 0)
			bits |= (i + 1) << MONITOR_FLASH_SHIFT;
	}
	return bits;
}
