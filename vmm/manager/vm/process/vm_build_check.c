/* SPDX-License-Identifier: MIT */
/*
 * Decides whether the host has the files and the memory that a VM needs, before anything is made.
 * Called by vm_build.c, vm_overcommit.c, `vm set` and, at the start, by main.c. Reads the quotas of
 * all VMs and drivers; changes nothing.
 */
#include "vmm/manager/config/files.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/process/pages.h"
#include "vmm/manager/vm/process/vm_build.h"
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "vmm/manager/vm/memory/vm_build_pages.h"
#include "vmm/manager/vm/process/vm_firmware.h"
#include "vmm/manager/vm/process/vm_share.h"
#include "vmm/manager/vm/process/vm_user_data.h"
#include "vmm/manager/vm/process/vm_window.h"
#include "vmm/rt/firmware_settings.h"
#include "vmm/rt/format.h"

#define MANAGER_PAGES (16u + CHANNEL_BYTES / PAGE_SIZE)

const struct file *vm_build_kernel(const struct vm_config *config, bool *demo)
{
	const struct file *file =
		file_find(config->boot == BOOT_KERNEL ? config->kernel : config->firmware);

	*demo = file == NULL && config->boot == BOOT_KERNEL &&
		string_equal(config->kernel, VM_KERNEL_BUILT_IN) && file_demo()->size > 0;
	return *demo ? file_demo() : file;
}

static void vm_build_missing_file(const char *key, const char *name, char *problem, size_t size)
{
	size_t length = format(problem, size, "%s: there is no file \"%s\"; the boot bundle has",
			       key, name);

	for (u32 i = 0; file_at(i) != NULL && length < size; i++)
		length += format(problem + length, size - length, " %s", file_at(i)->name);
	if (length < size && file_at(0) == NULL)
		format(problem + length, size - length, " none");
}

static bool vm_build_has_file(const char *key, const char *name, const struct file *file,
			      char *problem, size_t size)
{
	if (file == NULL)
		vm_build_missing_file(key, name, problem, size);
	return file != NULL && file_is_filled(file, key, problem, size);
}

/*
 * Returns whether the file with a VM's seed is text from which its monitor can make a CD for
 * cloud-init.
 */
static bool vm_build_has_seed(const struct vm_config *config, char *problem, size_t size)
{
	const struct file *file = file_find(config->seed);

	if (vm_user_data_is_given(config))
		return true; /* the text was checked when it was received */
	if (!vm_build_has_file("seed", config->seed, file, problem, size))
		return false;
	if (file->size > FIRMWARE_SEED_MAX) {
		format(problem, size, "seed: %s has %llu bytes; user-data has at most 256 KiB",
		       config->seed, (unsigned long long)file->size);
		return false;
	}
	for (u64 i = 0; i < file->size; i++) {
		if (file->bytes[i] != '\0')
			continue;
		format(problem, size,
		       "seed: %s has a byte 0 at %llu; user-data is text, as cloud-init reads it",
		       config->seed, (unsigned long long)i);
		return false;
	}
	return true;
}

bool vm_build_has_files(const struct vm_config *config, char *problem, size_t size)
{
	bool demo;

	if (config->boot != BOOT_KERNEL)
		return vm_build_has_file("firmware", config->firmware,
					 vm_build_kernel(config, &demo), problem, size) &&
		       (config->seed[0] == '\0' || vm_build_has_seed(config, problem, size));
	return vm_build_has_file("kernel", config->kernel, vm_build_kernel(config, &demo), problem,
				 size) &&
	       (config->initrd[0] == '\0' ||
		vm_build_has_file("initrd", config->initrd, file_find(config->initrd), problem,
				  size));
}

bool vm_build_fits(const struct vm_config *config, char *problem, size_t size)
{
	if (vm_build_pages(config) <= pages_at_start())
		return true;
	format(problem, size,
	       "memory: %llu MiB takes %llu MiB in all, but this host has only %llu MiB for VMs",
	       (unsigned long long)(config->memory_bytes / MIB),
	       (unsigned long long)(vm_build_pages(config) * PAGE_SIZE / MIB),
	       (unsigned long long)(pages_at_start() * PAGE_SIZE / MIB));
	return false;
}

/*
 * Returns the pages of the boot files that the VM's monitor loads; a clone has them in its RAM
 * already.
 */
static u64 vm_build_file_pages(const struct vm *vm)
{
	const struct file *initrd = file_find(vm->config.initrd);
	bool demo;

	if (vm->origin != NULL)
		return 0;
	return (vm_build_kernel(&vm->config, &demo)->size + (initrd != NULL ? initrd->size : 0)) /
	       PAGE_SIZE;
}

u64 vm_build_quota(const struct vm *vm)
{
	u64 ram = vm->config.memory_bytes / PAGE_SIZE;
	u64 pages = vm_build_pages(&vm->config);

	return vm->overcommits ? pages - ram + MIN(ram, vm_build_file_pages(vm) + VM_GRANT_PAGES)
			       : pages;
}

bool vm_build_check(const struct vm *vm, char *problem, size_t size)
{
	const struct vm_config *config = &vm->config;
	u64 available;
	u64 pages;

	if (!vm_build_has_files(config, problem, size))
		return false;
	if (vm_user_data_is_given(config) && vm->user_data.bytes == NULL &&
	    !vm_firmware_seed_is_gone(vm)) {
		format(problem, size,
		       "seed: no text has come with `vm create`; name a file of the boot bundle");
		return false;
	}
	pages = vm_build_quota(vm) + vm_window_new_pages(vm);
	available = vm_overcommit_available(pages);
	if (pages > available) {
		format(problem, size,
		       "memory: %llu MiB takes %llu MiB in all, but only %llu MiB are promised to "
		       "nobody",
		       (unsigned long long)(config->memory_bytes / MIB),
		       (unsigned long long)(pages * PAGE_SIZE / MIB),
		       (unsigned long long)(available * PAGE_SIZE / MIB));
		return false;
	}
	return vm_share_check(config, problem, size);
}

/*
 * Returns the pages promised to drivers and VMs. Guest RAM is taken at first touch but promised in
 * full. What the manager spends on each VM, above all its channel, is on no VM's account.
 */
static u64 vm_build_pages_promised(void)
{
	u64 promised = vm_window_pages();

	DRIVER_FOR_EACH(driver)
		promised += driver->quota_pages;
	VM_FOR_EACH(vm) {
		promised += MANAGER_PAGES + vm_user_data_pages(vm);
		if (vm->group != HANDLE_NONE)
			promised += vm->quota_pages;
	}
	return promised;
}

void vm_build_init(void)
{
	pages_set_up(machine_page()->pages[PAGE_FREE] - machine_page()->page_count / KERNEL_SHARE,
		     vm_build_pages_promised);
}
