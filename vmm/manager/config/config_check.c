/* SPDX-License-Identifier: MIT */
/*
 * Checks sections for mistakes that show only when all their keys are known. Called by config.c,
 * `vm create` and `vm set`. Holds no state.
 */
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_firmware.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/config/config_net.h"
#include "vmm/rt/format.h"

/* Returns the reservation of all vCPUs in percent of one CPU, rounded up. */
static u64 config_reserve_percent(const struct vm_config *vm)
{
	if (vm->reserve_budget_ns == 0)
		return 0;
	return (vm->vcpus * vm->reserve_budget_ns * 100 + vm->reserve_period_ns - 1) /
	       vm->reserve_period_ns;
}

/* Returns the name of a key that is set and needs PCI, or NULL if none does. */
static const char *config_use_of_pci(const struct vm_config *vm)
{
	if (vm->rng)
		return "rng = yes";
	if (vm->balloon)
		return "balloon = yes";
	if (vm->vsock)
		return "vsock = yes";
	if (vm->window[0] != '\0')
		return "window";
	if (vm->console == CONSOLE_VIRTIO)
		return "console = virtio";
	if (vm->port[0][0] != '\0')
		return "port";
	if (vm->net[0].number != 0)
		return "net";
	return vm->disk[0].number != 0 ? "disk" : NULL;
}

static bool config_has_port(const struct vm_config *vm, const char *name)
{
	for (u32 i = 0; i < CONFIG_PORT_MAX; i++) {
		if (string_equal(vm->port[i], name))
			return true;
	}
	return false;
}

/* Says what is wrong with the keys of a VM that boots a kernel; returns false if nothing is. */
static bool config_kernel_problem(const struct vm_config *vm, char *problem, size_t size)
{
	if (vm->firmware[0] != '\0')
		format(problem, size,
		       "VM %s: firmware = %s is for boot = bios or uefi; set that, too", vm->name,
		       vm->firmware);
	else if (config_firmware_key(vm) != NULL)
		format(problem, size,
		       "VM %s: %s is for boot = bios or uefi; set that, and firmware, too",
		       vm->name, config_firmware_key(vm));
	else if (vm->kernel[0] == '\0')
		format(problem, size, "VM %s has no kernel; set kernel = FILE", vm->name);
	else
		return false;
	return true;
}

/* Says what is wrong with the keys of a VM that boots by firmware; returns false if nothing is. */
static bool config_firmware_problem(const struct vm_config *vm, char *problem, size_t size)
{
	const char *boot = vm->boot == BOOT_BIOS ? "bios" : "uefi";

	if (vm->firmware[0] == '\0')
		format(problem, size, "VM %s has no firmware; set firmware = FILE", vm->name);
	else if (vm->kernel[0] != '\0' || vm->initrd[0] != '\0' || vm->cmdline[0] != '\0')
		format(problem, size,
		       "VM %s: with boot = %s its disk has the kernel; leave out kernel, initrd "
		       "and cmdline",
		       vm->name, boot);
	else if (vm->pci == PCI_OFF)
		format(problem, size, "VM %s: boot = %s does not go with pci = off; set pci = on",
		       vm->name, boot);
	else
		return config_firmware_wrong(vm, problem, size);
	return true;
}

/* Says what is wrong with the keys that tell what the VM boots; returns false if nothing is. */
static bool config_boot_problem(const struct vm_config *vm, char *problem, size_t size)
{
	return vm->boot == BOOT_KERNEL ? config_kernel_problem(vm, problem, size)
				       : config_firmware_problem(vm, problem, size);
}

/* Returns whether a disk of the VM is a volume that it may write to. */
static bool config_has_volume(const struct vm_config *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && vm->disk[i].number != 0; i++) {
		if ((vm->disk[i].flags & VM_DISK_VOLUME) != 0 &&
		    (vm->disk[i].flags & VM_DISK_READ_ONLY) == 0)
			return true;
	}
	return false;
}

bool config_vm_check(const struct vm_config *vm, char *problem, size_t size)
{
	if (config_boot_problem(vm, problem, size) || config_flash_wrong(vm, problem, size) ||
	    config_scsi_wrong(vm, problem, size) || config_egress_wrong(vm, problem, size) ||
	    config_peers_wrong(vm, problem, size) || !config_net_check_cards(vm, problem, size) ||
	    config_window_wrong(vm, problem, size))
		return false;
	if (vm->cap_percent > 100 * vm->vcpus)
		format(problem, size,
		       "VM %s: cap = %llu%% is too much; set at most %llu%% with vcpus = %llu",
		       vm->name, (unsigned long long)vm->cap_percent, 100ull * vm->vcpus,
		       (unsigned long long)vm->vcpus);
	else if (vm->cap_percent != 0 && config_reserve_percent(vm) > vm->cap_percent)
		format(problem, size,
		       "VM %s: a reserve of %llu%% of a CPU with vcpus = %llu is too much; its cap "
		       "is %llu%%",
		       vm->name, (unsigned long long)config_reserve_percent(vm),
		       (unsigned long long)vm->vcpus, (unsigned long long)vm->cap_percent);
	else if (vm->pci == PCI_OFF && config_use_of_pci(vm) != NULL)
		format(problem, size, "VM %s: %s does not go with pci = off; set pci = on",
		       vm->name, config_use_of_pci(vm));
	else if (vm->channel[0] != '\0' && !config_has_port(vm, vm->channel))
		format(problem, size,
		       "VM %s: channel = %s needs a port of that name; add port = %s", vm->name,
		       vm->channel, vm->channel);
	else if (vm->backup.store[0] != '\0' && !config_has_volume(vm))
		format(problem, size,
		       "VM %s: backup = %s ... copies volumes, and the VM may write to none; add "
		       "disk = STORE/VOLUME, or set backup = none",
		       vm->name, vm->backup.store);
	else
		return true;
	return false;
}

/*
 * Returns whether the word "memory" stands beside other controllers in a disk's key. The words are
 * alternatives for hosts that lack a controller, which cannot happen with memory.
 */
static bool config_has_memory_beside(const char *controllers)
{
	return strcmp(controllers, "memory") != 0 &&
	       config_find_word(controllers, text_of("memory")) >= 0;
}

bool config_disk_check(const struct disk_config *disk, char *problem, size_t size)
{
	bool memory = strcmp(disk->controller, "memory") == 0;

	if (disk->controller[0] == '\0' && disk->service[0] == '\0')
		format(problem, size,
		       "disk %s has no controller; set controller = memory, nvme0, ide0.0, "
		       "virtio0, scsi0.0 or a PCI address, or set service = NAME",
		       disk->section.name);
	else if (disk->controller[0] != '\0' && disk->service[0] != '\0')
		format(problem, size, "disk %s: set either \"controller\" or \"service\", not both",
		       disk->section.name);
	else if (config_has_memory_beside(disk->controller))
		format(problem, size,
		       "disk %s: \"%s\" has memory beside a controller; use either of them",
		       disk->section.name, disk->controller);
	else if (!memory && (disk->image[0] != '\0' || disk->size_bytes != 0))
		format(problem, size, "disk %s: set image and size only with controller = memory",
		       disk->section.name);
	else if (memory && disk->image[0] == '\0' && disk->size_bytes == 0)
		format(problem, size, "disk %s has no contents; set image = FILE or size = 64M",
		       disk->section.name);
	else
		return true;
	return false;
}

bool config_service_check(const struct service_config *service, char *problem, size_t size)
{
	if (service->program[0] != '\0')
		return true;
	format(problem, size, "service %s has no program; set program = FILE",
	       service->section.name);
	return false;
}

bool config_store_check(const struct store_config *store, char *problem, size_t size)
{
	if (store->disk[0] == '\0')
		format(problem, size,
		       "store %s has no disk; set disk = NAME, of a section [disk NAME]",
		       store->section.name);
	else if (!config_quotas_valid(store))
		format(problem, size, STORE_QUOTA_WRONG, store->section.name, CONFIG_QUOTA_MAX);
	else
		return true;
	return false;
}
