/* SPDX-License-Identifier: MIT */
/*
 * Starts and ends the process that copies a VM's disks for a backup. Called by vm_backup.c (pages
 * also by vm_backup_begin.c). The process gets its page of progress, the disks' views and targets
 * and, for a differential backup, the lists of changes: nothing else.
 */
#include "vmm/manager/vm/operation/backup/vm_backup_copier.h"

#include "lib/read_once.h"
#include "vmm/io/copier_page.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_changes.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

_Static_assert((u32)COPIER_DISK_MAX == CONFIG_VM_DISK_MAX, "a label for each");

u64 vm_backup_copier_pages(u32 disks)
{
	return DISK_COPIER_PAGES + disks * (2ull * DISK_LINK_PAGES + DISK_VIEW_PAGES);
}

static void vm_backup_copier_make_page(struct vm *vm, struct process_build *build)
{
	struct vm_backup *backup = &vm->backup;

	process_build_note(build, "making its page",
			   sys_memory_create(vm->group, PAGE_SIZE, 0, &backup->page_memory));
	if (process_build_failed(build)) {
		backup->page_memory = HANDLE_NONE;
		return;
	}
	process_build_show(build, backup->page_memory, PAGE_SIZE, RIGHT_READ | RIGHT_WRITE,
			   &backup->page);
	if (process_build_failed(build))
		return;
	backup->page->overwrite = backup->overwrite;
	backup->page->unix_seconds = machine_wall_seconds(clock_tsc());
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		backup->page->label[i] = backup->disk[i].next;
		backup->page->disk_bytes[i] = backup->disk[i].next_bytes;
	}
}

/* Makes a view of the VM's disk at index `place` as it was when the guest was held. */
static struct driver_link *vm_backup_copier_make_view(struct vm *vm, u32 place, char *why,
						      size_t size)
{
	if (vm->link[place]->disk.store.volume != 0)
		return vm_volume_attach_kept(vm, place, why, size);
	return disk_view_make(vm->link[place], vm->group, vm->config.name,
			      &vm->link[place]->disk.limit, why, size);
}

static bool vm_backup_copier_make_views(struct vm *vm, char *problem, size_t size)
{
	char why[160];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct vm_backup_disk *disk = &vm->backup.disk[i];

		if (!disk->chosen)
			continue;
		disk->from = vm_backup_copier_make_view(vm, i, why, sizeof(why));
		if (disk->from != NULL)
			continue;
		format(problem, size, "disk %s: %s", vm->link[i]->name, why);
		return false;
	}
	return true;
}

static void vm_backup_copier_give_all(const struct vm *vm, struct process_build *build)
{
	const struct vm_backup *backup = &vm->backup;

	process_build_map(build, START_CHANNEL, backup->page_memory, 0, PAGE_SIZE,
			  RIGHT_READ | RIGHT_WRITE);
	process_build_own(build, vm->group);
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (!backup->disk[i].chosen)
			continue;
		driver_link_give(build, backup->disk[i].from, START_DISK, i, vm->link[i]->name);
		if (backup->kind == BACKUP_DIFF)
			disk_changes_give(vm->link[i], build);
		driver_link_give(build, backup->disk[i].to, START_SAVE, i, vm->config.name);
	}
}

static void vm_backup_copier_start_process(struct vm *vm, struct process_build *build)
{
	process_build_begin(build, vm->group, start_handle(START_MONITOR_IMAGE), 0);
	if (process_build_failed(build))
		return;
	build->info->parameter[MONITOR_ID] = vm->id;
	build->info->parameter[MONITOR_FLAGS] = MONITOR_COPIER;
	vm_backup_copier_give_all(vm, build);
	if (!process_build_failed(build))
		process_build_note(build, "watching it",
				   events_bind(build->process, EVENT_COPIER, vm->id));
	process_build_start(build);
	if (process_build_failed(build))
		return;
	vm->backup.copier = build->process;
	build->process = HANDLE_NONE;
}

bool vm_backup_copier_start(struct vm *vm, char *problem, size_t size)
{
	struct process_build build = {.status = STATUS_OK};

	if (!vm_backup_copier_make_views(vm, problem, size))
		return false;
	vm_backup_copier_make_page(vm, &build);
	vm_backup_copier_start_process(vm, &build);
	if (build.process != HANDLE_NONE)
		sys_object_destroy(build.process); /* the process could not be started */
	process_build_close(&build);
	if (!process_build_failed(&build))
		return true;
	format(problem, size, "the kernel says \"%s\" while %s", status_text(build.status),
	       build.what);
	return false;
}

void vm_backup_copier_end(struct vm *vm)
{
	struct vm_backup *backup = &vm->backup;

	if (backup->copier != HANDLE_NONE)
		(void)!events_mute(backup->copier);
	vm_handover_end(&backup->copier);
	if (backup->page != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)backup->page, PAGE_SIZE);
	backup->page = NULL;
	vm_handover_end(&backup->page_memory);
}
