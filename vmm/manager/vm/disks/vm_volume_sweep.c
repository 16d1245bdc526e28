/* SPDX-License-Identifier: MIT */
/*
 * Drops the manager's own volumes that are needed no more: those of clones that have gone,
 * snapshots of no VM, backup or rekey, and volumes of a scheduled backup that was not completed,
 * also of an earlier boot. Called by vm_volume.c, the schedule of a VM's backups and, step by step,
 * by the event loop. Owns the list of volumes to be dropped.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/disk/store_owner.h"
#include "vmm/manager/disk/store_quota.h"
#include "vmm/manager/disk/store_scrub.h"
#include "vmm/manager/disk/volume_copy.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"

#define DROPS_MAX 64u

/* Clones' volumes that are to be dropped once their store is not busy. */
static struct {
	u32 store;
	char name[CONFIG_NAME_BYTES];
} drops[DROPS_MAX];
static u32 drop_count;

/* a bit for each store that may have unneeded snapshots */
static u32 stores_to_look_at = ~0u;
/* by store: number of the last command after which links got the volumes' sizes */
static u64 sizes_known_at[CONFIG_STORE_MAX];

void vm_volume_drop_later(u32 store, const char *name)
{
	if (drop_count == DROPS_MAX) {
		log_message(LOG_WARNING, LOG_VM, "",
			    "volume %s/%s is not dropped, there are too many to drop at once; "
			    "`volume drop` does it",
			    config_store(store)->section.name, name);
		return;
	}
	drops[drop_count].store = store;
	string_copy(drops[drop_count++].name, CONFIG_NAME_BYTES, name);
}

void vm_volumes_look(void)
{
	stores_to_look_at = ~0u;
}

void vm_volume_backup_name(u32 number, u32 place, char name[STORE_NAME_BYTES])
{
	format(name, STORE_NAME_BYTES, "%cbackup-%08x-%u", STORE_OWN_NAME, number, place);
}

/* Returns whether a scheduled backup of the VM, not whole yet, is written to the volume. */
static bool vm_volume_is_scheduled(const struct vm *vm, const char *name)
{
	char own[STORE_NAME_BYTES];

	if (vm->operation[OPERATION_SCHEDULE].phase == SCHEDULE_WAITING)
		return false;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		vm_volume_backup_name(vm->schedule.number, i, own);
		if (string_equal(own, name))
			return true;
	}
	return false;
}

/* Returns whether the volume name is that of a snapshot in the set of that number; false for 0. */
static bool vm_volume_is_one_of(u32 snapshots, const char *name)
{
	char own[STORE_NAME_BYTES];

	for (u32 i = 0; snapshots != 0 && i < CONFIG_VM_DISK_MAX; i++) {
		vm_volume_snapshot_name(snapshots, i, own);
		if (string_equal(own, name))
			return true;
	}
	return false;
}

/*
 * Returns whether a volume with a name of the manager's belongs to a VM's snapshot or backup, or to
 * a rekey or an import.
 */
static bool vm_volume_is_claimed(const char *name)
{
	if (rekey_needs(name) || volume_copy_needs(name))
		return true;
	VM_FOR_EACH(vm) {
		if (vm_volume_is_one_of(vm->backup.volumes, name) ||
		    vm_volume_is_scheduled(vm, name))
			return true;
		VM_SNAPSHOT_FOR_EACH(vm, snapshot) {
			if (vm_volume_is_one_of(snapshot->volumes, name))
				return true;
		}
	}
	return false;
}

/* Drops snapshots of volumes that no VM has, also those of an earlier boot of the host. */
static void vm_volume_sweep(struct store *store, u32 number)
{
	static struct store_item items[STORE_ITEM_MAX];
	char problem[2 * DRIVER_TEXT_BYTES];
	struct store_volume volume;
	u32 count = 0;

	for (u32 i = 0; count < STORE_ITEM_MAX && store_volume_at(store, i, &volume); i++) {
		if (volume.id != 0 && volume.name[0] == STORE_OWN_NAME &&
		    !vm_volume_is_claimed(volume.name))
			items[count++] = (struct store_item){.volume = volume.id};
	}
	if (count < STORE_ITEM_MAX)
		stores_to_look_at &= ~(1u << number);
	if (count != 0)
		(void)store_ask(store, STORE_DROP, items, count, problem, sizeof(problem));
}

/* Drops the next volume in `drops` that lies in this store. Returns whether there was one. */
static bool vm_volume_drop_next(struct store *store, u32 number)
{
	char problem[2 * DRIVER_TEXT_BYTES];
	struct store_volume volume;
	struct store_item item;
	u32 at = 0;

	while (at < drop_count && drops[at].store != number)
		at++;
	if (at == drop_count)
		return false;
	if (store_volume_find(store, drops[at].name, &volume)) {
		item = (struct store_item){.volume = volume.id};
		if (store_ask(store, STORE_DROP, &item, 1, problem, sizeof(problem)) == 0)
			return true;
	}
	drops[at] = drops[--drop_count];
	return true;
}

void vm_volumes_step(void)
{
	char text[2 * DRIVER_TEXT_BYTES];
	struct store *store;

	if (rekey_left() || volume_copy_left())
		vm_volumes_look();
	VM_FOR_EACH(vm)
		vm_volume_full_look(vm);
	for (u32 i = 0; (store = store_at(i)) != NULL; i++) {
		store_say_check(store);
		store_owner_say(store);
		store_scrub_say(store);
		store_quota_say(store);
		if (!store_is_idle(store))
			continue;
		if (sizes_known_at[i] != store->asked)
			store_tell_sizes(store);
		sizes_known_at[i] = store->asked;
		if (((stores_to_look_at & 1u << i) == 0 && drop_count == 0) ||
		    store_find_problem(store, text, sizeof(text)) != NULL)
			continue;
		if (!vm_volume_drop_next(store, i) && (stores_to_look_at & 1u << i) != 0)
			vm_volume_sweep(store, i);
	}
}
