/* SPDX-License-Identifier: MIT */
#include "vmm/manager/vm/vm_snapshot_disk.h"
#include "lib/read_once.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/disk/disk_window.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_quota.h"
#include "vmm/rt/format.h"

#define TABLES_SHARE 512u /* of the memory: its slots */
#define TABLES_PAGES 4u

static bool vm_is_written(const struct driver_link *link)
{
	return link != NULL && !link->disk.read_only && !disk_is_view(link);
}

/* The next one that it may write to, NULL for the first; NULL after the last. */
static struct driver_link *vm_snapshot_disk_next(const struct vm *vm,
						 const struct driver_link *link)
{
	bool found = link == NULL;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (found && vm_is_written(vm->link[i]))
			return vm->link[i];
		found = found || vm->link[i] == link;
	}
	return NULL;
}

static const char *vm_name_of(const struct driver_link *link)
{
	return config_disk(link->section)->section.name;
}

static u64 vm_pages_for(u64 bytes)
{
	u64 pages = bytes / PAGE_SIZE;

	return pages + pages / TABLES_SHARE + TABLES_PAGES;
}

bool vm_disk_prepare(struct vm *vm, struct driver_link *link, char *problem, size_t size)
{
	u64 bytes = vm->config.disk_undo_bytes;
	char why[160];

	if (link->undo.memory != HANDLE_NONE)
		return true;
	if (vm_quota_raise(vm, vm_pages_for(bytes), why, sizeof(why))) {
		if (disk_undo_make(link, vm->group, bytes, why, sizeof(why)))
			return true;
		vm_quota_lower(vm, vm_pages_for(bytes));
	}
	format(problem, size, "disk %s: %s", vm_name_of(link), why);
	return false;
}

bool vm_disks_prepare(struct vm *vm, char *problem, size_t size)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link)) {
		if (!vm_disk_prepare(vm, link, problem, size))
			return false;
	}
	return true;
}

bool vm_disks_known_at(const struct vm *vm, const struct vm_snapshot *snapshot)
{
	return snapshot->disks_kept || vm_snapshot_disk_next(vm, NULL) == NULL;
}

bool vm_disks_let_go(struct vm *vm)
{
	bool gone = true;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct driver_link *link = vm->link[i];

		if (link == NULL || (!link->ram.wanted && link->ram.at == 0))
			continue;
		disk_window_want(link, false);
		gone &= link->ram.at == 0;
	}
	return gone;
}

void vm_disks_reach_again(struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct driver_link *link = vm->link[i];

		/* one that had a window */
		if (link != NULL && link->ram.last_number != 0)
			disk_window_want(link, config_disk(link->section)->dma == DMA_DIRECT);
	}
}

void vm_disks_keep(struct vm *vm)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link))
		disk_undo_begin(link);
}

/* The worse of two; `why` is why the second failed. */
static enum disk_undo_state vm_worst(enum disk_undo_state all, const struct driver_link *link,
				     enum disk_undo_state one, const char *why, char *problem,
				     size_t size)
{
	if (one == DISK_UNDO_FAILED || (one == DISK_UNDO_PENDING && all == DISK_UNDO_DONE))
		format(problem, size, "disk %s: %s", vm_name_of(link),
		       one == DISK_UNDO_FAILED ? why : "its driver does not answer");
	if (one == DISK_UNDO_FAILED || all == DISK_UNDO_FAILED)
		return DISK_UNDO_FAILED;
	return one == DISK_UNDO_PENDING ? one : all;
}

enum disk_undo_state vm_disks_kept(const struct vm *vm, char *problem, size_t size)
{
	enum disk_undo_state all = DISK_UNDO_DONE;

	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link))
		all = vm_worst(all, link, disk_undo_begun(link), disk_undo_problem(link), problem,
			       size);
	return all;
}

bool vm_disks_are_whole(const struct vm *vm, char *problem, size_t size)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link)) {
		const char *why = disk_undo_problem(link);

		if (why == NULL)
			continue;
		format(problem, size, "disk %s: %s", vm_name_of(link), why);
		return false;
	}
	return true;
}

bool vm_disks_are_viewed(const struct vm *vm, char *problem, size_t size)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link)) {
		if (!disk_is_viewed(link))
			continue;
		format(problem, size,
		       "what disk %s held at the last snapshot is being read, allowed: when its "
		       "readers have ended, `disk list` shows them",
		       vm_name_of(link));
		return true;
	}
	return false;
}

void vm_disks_put_back(struct vm *vm)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link))
		disk_undo_put_back(link);
}

enum disk_undo_state vm_disks_are_back(const struct vm *vm, char *problem, size_t size)
{
	enum disk_undo_state all = DISK_UNDO_DONE;

	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link))
		all = vm_worst(all, link, disk_undo_is_back(link),
			       "it does not take its old blocks", problem, size);
	return all;
}

u64 vm_disks_moved(const struct vm *vm)
{
	u64 sum = 0;

	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link)) {
		const struct driver *driver = driver_of_link(link);

		sum += driver->starts + READ_ONCE(driver->channel->finished);
	}
	return sum;
}

u64 vm_disks_kept_bytes(const struct vm *vm)
{
	u64 sum = 0;

	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link))
		sum += disk_undo_kept_bytes(link);
	return sum;
}

void vm_disks_go_on(struct vm *vm)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link))
		disk_undo_go_on(link);
}

void vm_disks_forget(struct vm *vm)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link)) {
		if (link->undo.number != 0)
			disk_undo_close(link);
	}
}

void vm_disks_release(struct vm *vm)
{
	for (struct driver_link *link = vm_snapshot_disk_next(vm, NULL); link != NULL;
	     link = vm_snapshot_disk_next(vm, link)) {
		u64 pages = disk_undo_release(link);

		if (pages != 0)
			vm_quota_lower(vm, vm_pages_for(pages * PAGE_SIZE));
	}
}
