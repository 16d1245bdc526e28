/* SPDX-License-Identifier: MIT */
/*
 * Decides for a VM's scheduled backups when one is due, whether it is full or differential, and
 * which volumes it needs. Called by vm_schedule.c alone. Reads the VM and its store's reports;
 * changes only the kind and the disks in vm->schedule.
 */
#include "vmm/manager/vm/operation/backup/vm_schedule_begin.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/operation/backup/vm_backup_begin.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* static, as this is too large for a small stack */
static struct vm_backup_wish wish;

void vm_schedule_look_at_disks(struct vm *vm)
{
	vm->schedule.disks = 0;
	memcpy(vm->schedule.disk, vm->config.disk, sizeof(vm->schedule.disk));
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm_volume_is_written(vm, i))
			vm->schedule.disks |= 1u << i;
	}
}

bool vm_schedule_has_disks(const struct vm *vm)
{
	SCHEDULE_FOR_EACH(vm, i) {
		if (!vm_volume_is_written(vm, i) ||
		    vm->config.disk[i].number != vm->schedule.disk[i].number ||
		    vm->config.disk[i].volume != vm->schedule.disk[i].volume)
			return false;
	}
	return true;
}

static const char *vm_schedule_disk_name(const struct vm *vm, u32 place,
					 char name[CONFIG_DISK_BYTES])
{
	return config_disk_name(&vm->schedule.disk[place], name);
}

const struct backup_place *vm_schedule_places(const struct vm *vm, u32 place, u32 *count)
{
	char disk[CONFIG_DISK_BYTES];

	return backup_places(vm->schedule.store, vm_schedule_disk_name(vm, place, disk), count);
}

/* Returns the newest backup of the VM's disk in the schedule's store, or NULL. */
static const struct backup_place *vm_schedule_newest(const struct vm *vm, u32 place)
{
	u32 count;
	const struct backup_place *list = vm_schedule_places(vm, place, &count);

	return count > 0 ? &list[count - 1] : NULL;
}

/* --- whether a backup is due --- */

u64 vm_schedule_wait_s(const struct vm *vm)
{
	u64 every = vm->schedule.plan.every_ns / NS_PER_S;
	u64 now = machine_wall_seconds(clock_tsc());
	u64 wait = every;

	SCHEDULE_FOR_EACH(vm, i) {
		const struct backup_place *newest = vm_schedule_newest(vm, i);

		wait = MIN(wait, backup_wait_s(now, newest != NULL ? newest->made_s : 0, every));
	}
	return wait;
}

/*
 * Returns whether a differential backup of the disk would follow the newest one in the store, and
 * its chain may become longer.
 */
static bool vm_schedule_goes_on(const struct vm *vm, u32 place)
{
	const struct vm_scheduled *last = &vm->schedule.last[place];
	const struct vm_backup_disk *disk = &vm->backup.disk[place];
	u32 count;
	const struct backup_place *list = vm_schedule_places(vm, place, &count);

	return count > 0 && last->moment == list[count - 1].moment &&
	       last->sequence == list[count - 1].sequence && disk->chained &&
	       memcmp(disk->last.id, last->id, sizeof(last->id)) == 0 &&
	       last->sequence + 1 < vm->schedule.plan.chain &&
	       backup_chain_first(list, count - 1) < count;
}

const struct vm_backup_wish *vm_schedule_wish(const struct vm *vm)
{
	char name[STORE_NAME_BYTES];

	wish = (struct vm_backup_wish){.kind = vm->schedule.kind,
				       .quiesce = vm->config.quiesce != 0};
	SCHEDULE_FOR_EACH(vm, i) {
		wish.chosen[i] = true;
		vm_volume_backup_name(vm->schedule.number, i, name);
		format(wish.target[i], CONFIG_DISK_BYTES, "%s/%s",
		       vm->schedule.store->config->section.name, name);
	}
	return &wish;
}

bool vm_schedule_choose(struct vm *vm, char *problem, size_t size)
{
	bool goes_on = vm->schedule.disks != 0;

	SCHEDULE_FOR_EACH(vm, i)
		goes_on = goes_on && vm_schedule_goes_on(vm, i);
	vm->schedule.kind = BACKUP_DIFF;
	if (goes_on && vm_backup_may_begin(vm, vm_schedule_wish(vm), problem, size))
		return true;
	vm->schedule.kind = BACKUP_FULL;
	return vm_backup_may_begin(vm, vm_schedule_wish(vm), problem, size);
}

u64 vm_schedule_moment(const struct vm *vm)
{
	u64 moment = backup_moment(machine_wall_seconds(clock_tsc()));

	SCHEDULE_FOR_EACH(vm, i) {
		const struct backup_place *newest = vm_schedule_newest(vm, i);

		if (newest != NULL)
			moment = MAX(moment, newest->moment + 1);
	}
	return moment;
}

/* --- the commands to the store --- */

/* Returns the size of a volume that has room for a backup of the disk, in sectors. */
static u64 vm_schedule_sectors(const struct vm *vm, u32 place)
{
	u64 bytes = vm->link[place]->disk.sectors * BLOCK_SECTOR_BYTES;
	u64 blocks = (bytes + BACKUP_BLOCK_BYTES - 1) / BACKUP_BLOCK_BYTES;

	bytes = vm->schedule.kind == BACKUP_FULL ? backup_full_bytes(bytes)
						 : backup_diff_bytes(blocks);
	return align_up(bytes / BLOCK_SECTOR_BYTES, (u64)STORE_SIZE_SECTORS);
}

void vm_schedule_final_name(const struct vm *vm, u32 place, u32 sequence,
			    char name[STORE_NAME_BYTES])
{
	char disk[CONFIG_DISK_BYTES];

	backup_place_name(vm->config.name, vm_schedule_disk_name(vm, place, disk),
			  vm->schedule.moment, sequence, name);
}

u32 vm_schedule_new_volumes(const struct vm *vm, bool final, struct store_item *items)
{
	u32 count = 0;

	SCHEDULE_FOR_EACH(vm, i) {
		struct store_item *item = &items[count++];

		*item = (struct store_item){.sectors = vm_schedule_sectors(vm, i)};
		if (final)
			vm_schedule_final_name(vm, i, 0, item->name);
		else
			vm_volume_backup_name(vm->schedule.number, i, item->name);
	}
	return count;
}
