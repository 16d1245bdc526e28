/* SPDX-License-Identifier: MIT */
/*
 * Gives clones views of the disks of the VM they came from, and ends clones whose views fail.
 * Called by vm_create.c, vm_build.c, vm_save.c and the snapshots. Makes views through
 * vmm/manager/disk and owns the VM_DISK_CLONED mark in a clone's configuration.
 */
#include "vmm/manager/vm/disks/vm_clone_disk.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/rt/format.h"

/* Returns the name of the VM's disk at index `place`; each call overwrites the last result. */
static const char *vm_clone_name_of(const struct vm *vm, u32 place)
{
	static char name[CONFIG_DISK_BYTES];

	return config_disk_name(&vm->config.disk[place], name);
}

static bool vm_clone_is_written(const struct vm *vm, u32 place)
{
	const struct driver_link *link = vm->link[place];

	return link != NULL && !link->disk.read_only && !disk_is_view(link) &&
	       link->disk.store.volume == 0;
}

static bool vm_clone_is_marked(const struct vm *vm, u32 place)
{
	return (vm->config.disk[place].flags & VM_DISK_CLONED) != 0;
}

static bool vm_clone_has_view(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		if (vm->link[i] != NULL && disk_is_view(vm->link[i]))
			return true;
	return false;
}

bool vm_clone_disks_may(const struct vm *from, const struct vm_snapshot *snapshot, char *problem,
			size_t size)
{
	u32 place = 0;

	while (place < CONFIG_VM_DISK_MAX && !vm_clone_is_written(from, place))
		place++;
	if (place == CONFIG_VM_DISK_MAX || snapshot->disks_kept)
		return true;
	format(problem, size,
	       "disk %s: what it held at snapshot %s is no longer kept; use the last snapshot",
	       vm_clone_name_of(from, place), snapshot->name);
	return false;
}

void vm_clone_disks_mark(struct vm *clone, const struct vm *from)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		if (vm_clone_is_written(from, i))
			clone->config.disk[i].flags |= VM_DISK_CLONED;
}

static bool vm_clone_disk_attach(struct vm *clone, u32 place, char *problem, size_t size)
{
	const struct vm *from = vm_by_id(clone->clone_of);
	const struct share_given limit = disk_limit_of(&clone->config);
	struct driver_link *link;
	char why[160];

	if (clone->origin == NULL || from == NULL || !vm_clone_is_written(from, place)) {
		format(problem, size,
		       "disk %s: the clone's own has ended with it, and the source's is not for "
		       "it; make a new clone, or give it another `disk` by `vm set`",
		       vm_clone_name_of(clone, place));
		return false;
	}
	link = disk_view_make_overlay(from->link[place], clone->group, clone->config.name, &limit,
				      why, sizeof(why));
	if (link == NULL) {
		format(problem, size, "disk %s: %s", vm_clone_name_of(clone, place), why);
		return false;
	}
	clone->link[place] = link; /* from now on the link ends when the VM ends */
	if (!vm_disk_prepare(clone, link, problem, size))
		return false;
	disk_undo_begin(link);
	return true;
}

bool vm_clone_disks_attach(struct vm *clone, char *problem, size_t size)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		if (vm_clone_is_marked(clone, i) && !vm_clone_disk_attach(clone, i, problem, size))
			return false;
	return true;
}

bool vm_clone_has_views(const struct vm *vm, char *problem, size_t size)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (!vm_clone_is_marked(vm, i))
			continue;
		format(problem, size,
		       "disk %s: it is another VM's at a snapshot, with what this clone wrote "
		       "above it, which is not kept; use a VM with disks of its own, or read-only "
		       "ones",
		       vm_clone_name_of(vm, i));
		return true;
	}
	return false;
}

/*
 * Ends all clones of a VM. They are not held for inspection: their guests run until their monitors
 * end.
 */
static void vm_clone_end_all(const struct vm *from, const char *problem)
{
	char reason[sizeof(from->reason)];

	format(reason, sizeof(reason), "what it sees of %s's is lost: %s", from->config.name,
	       problem);
	VM_FOR_EACH(clone) {
		if (clone->clone_of == from->id && !vm_is_ending(clone) && !vm_has_ended(clone) &&
		    vm_clone_has_view(clone))
			vm_crash(clone, reason, false);
	}
}

/* Reports that the clone's overlay is full: writes that need more of it fail from now on. */
static void vm_clone_tell_full(const struct vm *clone, u32 place)
{
	char text[sizeof(clone->reason)];

	format(text, sizeof(text),
	       "disk %s: the room for what it writes (disk.undo) is full, writes fail",
	       vm_clone_name_of(clone, place));
	log_message(LOG_WARNING, LOG_VM, clone->config.name, "%s", text);
	notice("%s: %s\n", clone->config.name, text);
	vm_event(clone->config.name, clone->uuid, EVENT_DISK_FULL, text);
}

static void vm_clone_look_at_overlays(struct vm *clone)
{
	char reason[sizeof(clone->reason)];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct driver_link *link = clone->link[i];

		if (link == NULL || !disk_is_view(link) || disk_undo_problem(link) == NULL)
			continue;
		if (!disk_undo_is_full(link)) {
			format(reason, sizeof(reason), "disk %s: its driver has lost what it wrote",
			       vm_clone_name_of(clone, i));
			vm_crash(clone, reason, false);
			return;
		}
		if (!link->undo.full_told)
			vm_clone_tell_full(clone, i);
		link->undo.full_told = true;
	}
}

void vm_clone_disks_look(struct vm *vm)
{
	char problem[160];

	if (!vm_disks_are_whole(vm, problem, sizeof(problem)))
		vm_clone_end_all(vm, problem);
	if (!vm_is_ending(vm) && !vm_has_ended(vm))
		vm_clone_look_at_overlays(vm);
}
