/* SPDX-License-Identifier: MIT */
/*
 * Checks whether a backup may begin, and prepares quota, lists of changes, labels and links for it.
 * Called by vm_backup.c before the guest is held, and for its list of changes by vm_rekey.c.
 * Charges the VM's memory group; after a failure the caller frees the parts that were made.
 */
#include "vmm/manager/vm/operation/backup/vm_backup_begin.h"

#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_changes.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/operation/backup/vm_backup_copier.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/rt/format.h"

static bool vm_backup_is_chosen(const struct vm_backup_wish *wish)
{
	bool any = false;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		any |= wish->chosen[i];
	return any;
}

static bool vm_backup_disk_may_begin(const struct vm *vm, u32 place, enum backup_kind kind,
				     char *why, size_t size)
{
	const struct vm_backup_disk *disk = &vm->backup.disk[place];
	const struct driver_link *link = vm->link[place];
	u64 bytes = link != NULL ? link->disk.sectors * BLOCK_SECTOR_BYTES : 0;

	if (link == NULL)
		format(why, size, "the VM runs without it");
	else if (disk_is_view(link))
		format(why, size,
		       "it is a clone's, which ends with it; use a disk of the VM's own");
	else if (link->disk.read_only)
		format(why, size, "it is read-only; use one that the VM may write to");
	else if (rekey_uses(link))
		format(why, size, "it gets another key now; wait until it has it");
	else if (link->changes.number != 0 && !disk_changes_begun(link))
		format(why, size, "its driver is still busy with the last backup, try again");
	else if (kind == BACKUP_DIFF && !disk->chained)
		format(why, size, "there is no backup since it was booted; make a full one");
	else if (kind == BACKUP_DIFF && bytes != disk->last_bytes)
		format(why, size,
		       "it has grown from %llu to %llu KiB since the last backup; make a full one",
		       (unsigned long long)(disk->last_bytes / KIB),
		       (unsigned long long)(bytes / KIB));
	else if (kind == BACKUP_DIFF && !disk_changes_are_whole(link))
		format(why, size,
		       "not all changes since the last backup are known; make a full one");
	else if (kind == BACKUP_DIFF && disk->last.sequence + 1 >= BACKUP_CHAIN_MAX)
		format(why, size,
		       "it has a chain of %u backups, which can be no longer; a full one begins "
		       "the next",
		       BACKUP_CHAIN_MAX);
	else
		return true;
	return false;
}

static bool vm_backup_disks_may_begin(const struct vm *vm, const struct vm_backup_wish *wish,
				      char *problem, size_t size)
{
	char name[CONFIG_DISK_BYTES];
	char why[160];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (wish->chosen[i] && vm->config.disk[i].number == 0) {
			format(problem, size, "it has no disk %u; name those of its configuration",
			       i);
			return false;
		}
		if (!wish->chosen[i] ||
		    vm_backup_disk_may_begin(vm, i, wish->kind, why, sizeof(why)))
			continue;
		format(problem, size, "disk %s: %s", config_disk_name(&vm->config.disk[i], name),
		       why);
		return false;
	}
	return true;
}

/*
 * Returns whether no snapshot needs the disks' old blocks: they are kept for only one purpose at a
 * time.
 */
static bool vm_backup_snapshots_allow(struct vm *vm, const struct vm_backup_wish *wish,
				      char *problem, size_t size)
{
	bool any = false;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		any |= wish->chosen[i] && vm->link[i]->disk.store.volume == 0;
	if (!any)
		return true; /* a volume may have any number of snapshots */
	VM_SNAPSHOT_FOR_EACH(vm, snapshot) {
		if (snapshot->name[0] == '\0' || !snapshot->disks_kept)
			continue;
		format(problem, size,
		       "the disks' old blocks are kept for snapshot %s; drop it first, by `vm "
		       "snapshot drop %s %s`",
		       snapshot->name, vm->config.name, snapshot->name);
		return false;
	}
	return !vm_disks_are_viewed(vm, problem, size);
}

bool vm_backup_may_begin(struct vm *vm, const struct vm_backup_wish *wish, char *problem,
			 size_t size)
{
	if (vm->operation[OPERATION_BACKUP].phase != BACKUP_NONE)
		format(problem, size, "a backup of it is under way, `vm backup cancel %s` ends it",
		       vm->config.name);
	else if (!vm_is_up(vm))
		format(problem, size, "it is %s; only a running or paused VM can be backed up",
		       vm_state_name(vm->state));
	else if (!vm_backup_is_chosen(wish))
		format(problem, size, "no disk is named; name at least one");
	else
		return vm_handover_may_begin(vm, problem, size) &&
		       vm_backup_disks_may_begin(vm, wish, problem, size) &&
		       vm_backup_snapshots_allow(vm, wish, problem, size);
	return false;
}

bool vm_backup_prepare_changes(struct vm *vm, u32 place, char *problem, size_t size)
{
	struct driver_link *link = vm->link[place];
	u64 *pages = &vm->backup.disk[place].changes_pages;

	if (link->changes.memory != HANDLE_NONE)
		return true;
	/* the pages that the quota has for an earlier list are taken back */
	vm_quota_lower(vm, *pages);
	*pages = disk_changes_pages(link);
	if (vm_quota_raise(vm, *pages, problem, size)) {
		if (disk_changes_make(link, vm->group, problem, size))
			return true;
		vm_quota_lower(vm, *pages);
	}
	*pages = 0;
	return false;
}

static void vm_backup_make_label(struct vm_backup_disk *disk, enum backup_kind kind)
{
	disk->next = (struct backup_label){.kind = (u32)kind};
	random_draw(disk->next.id, sizeof(disk->next.id));
	memcpy(disk->next.chain, kind == BACKUP_FULL ? disk->next.id : disk->last.chain,
	       sizeof(disk->next.chain));
	if (kind == BACKUP_FULL)
		return;
	memcpy(disk->next.base, disk->last.id, sizeof(disk->next.base));
	disk->next.sequence = disk->last.sequence + 1;
}

static bool vm_backup_prepare_disk(struct vm *vm, u32 place, char *problem, size_t size)
{
	struct vm_backup_disk *disk = &vm->backup.disk[place];
	struct driver_link *link = vm->link[place];

	vm_backup_make_label(disk, vm->backup.kind);
	disk->next_bytes = link->disk.sectors * BLOCK_SECTOR_BYTES;
	if ((link->disk.store.volume == 0 && !vm_disk_prepare(vm, link, problem, size)) ||
	    !vm_backup_prepare_changes(vm, place, problem, size))
		return false;
	disk->to = disk_attach_target(vm, disk->target, problem, size);
	return disk->to != NULL;
}

bool vm_backup_prepare(struct vm *vm, char *problem, size_t size)
{
	struct vm_backup *backup = &vm->backup;
	u64 pages;
	u32 disks = 0;

	VM_BACKUP_FOR_EACH(vm, i)
		disks++;
	pages = vm_backup_copier_pages(disks);
	vm_quota_tidy(vm);
	if (!vm_quota_raise(vm, pages, problem, size))
		return false;
	backup->quota_pages += pages;
	VM_BACKUP_FOR_EACH(vm, i) {
		if (!vm_backup_prepare_disk(vm, i, problem, size))
			return false;
	}
	return true;
}
