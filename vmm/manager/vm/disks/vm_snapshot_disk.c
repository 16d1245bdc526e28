/* SPDX-License-Identifier: MIT */
/*
 * Has the drivers of a VM's disks keep, put back and forget overwritten blocks, for its snapshots.
 * Called by vm_snapshot*.c, vm_clone_disk.c, vm_backup_begin.c, `vm set` and `vm snapshot list`.
 * Charges the memory for old blocks to the VM's memory group; vmm/manager/disk/disk_undo.c talks to
 * the drivers.
 */
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/disk/disk_window.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/rt/format.h"

/* how many pages of memory for old blocks need one page of slots in the kernel */
#define TABLES_SHARE 512u
#define TABLES_PAGES 4u

/*
 * Returns whether the VM may write to the disk and its driver keeps old blocks for that: not for a
 * view, nor for a volume, of which its store takes snapshots.
 */
static bool vm_is_written(const struct driver_link *link)
{
	return link != NULL && !link->disk.read_only && !disk_is_view(link) &&
	       link->disk.store.volume == 0;
}

bool vm_disks_need_a_look(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		const struct driver_link *link = vm->link[i];

		if (link != NULL &&
		    (vm_is_written(link) || disk_is_view(link) || link->undo.parts != 0))
			return true;
	}
	return false;
}

/* Returns the next disk that the VM may write to (the first after NULL), or NULL after the last. */
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

static u64 vm_pages_for(u64 bytes)
{
	u64 pages = bytes / PAGE_SIZE;

	return pages + pages / TABLES_SHARE + TABLES_PAGES;
}

/* Raises the memory for old blocks to `bytes`, but at most to the need of the whole disk. */
static bool vm_disk_make_room(struct vm *vm, struct driver_link *link, u64 bytes, char *problem,
			      size_t size)
{
	u64 wanted = MIN(bytes, disk_undo_bytes_of(link->disk.sectors));
	u64 pages = vm_pages_for(wanted - MIN(wanted, link->undo.bytes));
	char why[160];

	if (link->undo.bytes >= wanted)
		return true;
	if (vm_quota_raise(vm, pages, why, sizeof(why))) {
		if (disk_undo_make(link, vm->group, wanted - link->undo.bytes, why, sizeof(why))) {
			link->undo.client_pages += pages;
			link->undo.sectors = link->disk.sectors;
			return true;
		}
		vm_quota_lower(vm, pages);
	}
	format(problem, size, "disk %s: %s (disk.undo = %lluK)", link->name, why,
	       (unsigned long long)(bytes / KIB));
	return false;
}

bool vm_disk_prepare(struct vm *vm, struct driver_link *link, char *problem, size_t size)
{
	return vm_disk_make_room(vm, link, vm->config.disk_undo_bytes, problem, size);
}

bool vm_disks_make_room(struct vm *vm, u64 bytes, char *problem, size_t size)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct driver_link *link = vm->link[i];

		if (link != NULL && link->undo.parts != 0 &&
		    !vm_disk_make_room(vm, link, bytes, problem, size))
			return false;
	}
	return true;
}

/*
 * Tells the operator how much room for old blocks a disk has left, while more can still be given.
 */
static void vm_disk_say_low(const struct vm *vm, const struct driver_link *link)
{
	const char *name = vm->config.name;
	u64 next_mib = align_up(link->undo.bytes, MIB) / MIB * 2;
	char text[200];

	format(text, sizeof(text),
	       "disk %s: %llu of %llu KiB are used for %s, `vm set %s disk.undo=%lluM` makes "
	       "room",
	       link->name, (unsigned long long)(disk_undo_kept_bytes(link) / KIB),
	       (unsigned long long)(link->undo.bytes / KIB),
	       disk_is_view(link) ? "what it writes" : "old blocks", name,
	       (unsigned long long)next_mib);
	log_message(LOG_WARNING, LOG_VM, name, "%s", text);
	notice("%s: %s\n", name, text);
}

/*
 * Makes more room for a disk that has grown. If there is no memory for that, the disk keeps the
 * room for old blocks that it has.
 */
static void vm_disk_look_whether_grown(struct vm *vm, struct driver_link *link)
{
	char problem[200];

	if (link->undo.sectors == link->disk.sectors)
		return;
	link->undo.sectors = link->disk.sectors;
	if (!vm_disk_prepare(vm, link, problem, sizeof(problem)))
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "%s", problem);
}

void vm_disks_look_at_room(struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct driver_link *link = vm->link[i];

		if (link == NULL || link->undo.parts == 0)
			continue;
		vm_disk_look_whether_grown(vm, link);
		if (disk_undo_becomes_low(link))
			vm_disk_say_low(vm, link);
	}
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

		/* the link had a window to the VM's RAM before */
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

/* Returns the worse of two states; `why` says why the link's disk, which has the second, failed. */
static enum disk_undo_state vm_worst(enum disk_undo_state all, const struct driver_link *link,
				     enum disk_undo_state one, const char *why, char *problem,
				     size_t size)
{
	if (one == DISK_UNDO_FAILED || (one == DISK_UNDO_PENDING && all == DISK_UNDO_DONE))
		format(problem, size, "disk %s: %s", link->name,
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
		format(problem, size, "disk %s: %s", link->name, why);
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
		       "what disk %s held at the last snapshot is being read; wait until its "
		       "readers have ended, `disk list` shows them",
		       link->name);
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
		u64 pages = link->undo.client_pages;

		if (disk_undo_release(link))
			vm_quota_lower(vm, pages);
	}
}
