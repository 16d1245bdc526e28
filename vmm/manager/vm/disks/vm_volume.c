/* SPDX-License-Identifier: MIT */
/*
 * Takes snapshots of a VM's volumes, goes back to them, and clones them for clones of the VM.
 * Called by the snapshots and backups of VMs, vm_create.c, vm_act.c and `vm clone`. Owns volumes
 * whose names begin with '@' and those of clones, which vm_volume_sweep.c drops; disk/store.c talks
 * to the drivers.
 */
#include "vmm/manager/vm/disks/vm_volume.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/disk/disk_volume.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/disk/store_key.h"
#include "vmm/manager/disk/store_quota.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"

#define HASH_BEGIN 0x811c9dc5u /* FNV-1a */
#define HASH_PRIME 0x01000193u
#define ALL_DISKS  ~0u

static u32 last_number; /* number of the last set of snapshots, one of each of a VM's volumes */

/*
 * Returns a random number for this boot of the host, so that names of its volumes differ from those
 * of earlier boots.
 */
static u32 vm_volume_boot(void)
{
	static u32 boot;

	while (boot == 0)
		random_draw(&boot, sizeof(boot));
	return boot;
}

bool vm_volume_is_written(const struct vm *vm, u32 place)
{
	const struct driver_link *link = vm->link[place];

	return link != NULL && link->disk.store.volume != 0 && !link->disk.read_only;
}

static u32 vm_volume_store_of(const struct vm *vm, u32 place)
{
	return vm->config.disk[place].number - 1u;
}

bool vm_volumes_any(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm_volume_is_written(vm, i))
			return true;
	}
	return false;
}

/* --- names --- */

void vm_volume_snapshot_name(u32 number, u32 place, char name[STORE_NAME_BYTES])
{
	format(name, STORE_NAME_BYTES, "%c%08x-%u-%u", STORE_OWN_NAME, vm_volume_boot(), number,
	       place);
}

static u32 vm_volume_hash(const char *text)
{
	u32 hash = HASH_BEGIN;

	for (; *text != '\0'; text++)
		hash = (hash ^ (u8)*text) * HASH_PRIME;
	return hash;
}

/*
 * Writes the name of the volume that a clone gets in place of its source's. For a VM beta it is
 * "beta.root", if the source has "root", or, as a clone itself, "alpha.root". A name that is too
 * long is cut, and gets a hash of all of it.
 */
static void vm_volume_clone_name(const struct vm *from, u32 place, const char *clone,
				 char name[CONFIG_NAME_BYTES])
{
	const struct vm_disk *disk = &from->config.disk[place];
	const char *base = config_volume_name(disk->volume);
	size_t length = strlen(from->config.name);
	char all[2 * CONFIG_NAME_BYTES];

	if ((disk->flags & VM_DISK_OWN) != 0 && strncmp(base, from->config.name, length) == 0 &&
	    base[length] == '.' && base[length + 1] != '\0')
		base += length + 1;
	format(all, sizeof(all), "%s.%s", clone, base);
	if (strlen(all) < CONFIG_NAME_BYTES)
		string_copy(name, CONFIG_NAME_BYTES, all);
	else
		format(name, CONFIG_NAME_BYTES, "%.20s.%08x", clone, vm_volume_hash(all));
}

/* --- asking the stores --- */

/*
 * A request to the stores of a VM's volumes, from which the items of the commands to them are made.
 */
struct vm_volume_wish {
	const struct vm *vm;
	/*
	 * a bit for each of the VM's disks that is meant, if it is a volume to which the VM may
	 * write
	 */
	u32 disks;
	u32 snapshots;	   /* number of the set of snapshots */
	bool backup;	   /* the snapshots are a backup's, and never used with a key */
	const char *clone; /* for STORE_CREATE: name of the clone that gets the volumes */
};

static bool vm_volume_is_wished(const struct vm_volume_wish *wish, u32 place)
{
	return (wish->disks & 1u << place) != 0 && vm_volume_is_written(wish->vm, place);
}

/*
 * Copies the store's report about the VM's volume, which is needed only if the volume is encrypted.
 */
static bool vm_volume_find_own(const struct vm *vm, u32 place, const struct store *store,
			       struct store_volume *own, char *problem, size_t size)
{
	*own = (struct store_volume){.id = 0};
	if (vm->link[place]->key_id == 0 ||
	    store_volume_find(store, config_volume_name(vm->config.disk[place].volume), own))
		return true;
	format(problem, size, "disk %s: its store does not know it any more",
	       vm->link[place]->name);
	return false;
}

/* Enters the key of the VM's volume in `item`, which makes a copy of the volume. */
static bool vm_volume_pass_key(const struct vm *vm, u32 place, const struct store *store,
			       const struct store_volume *from, struct store_item *item,
			       char *problem, size_t size)
{
	char why[2 * DRIVER_TEXT_BYTES];

	if (from->key.id != vm->link[place]->key_id)
		format(why, sizeof(why), "its store says that it is encrypted by another key");
	else if (store_key_pass_on(store, from, item, why, sizeof(why)))
		return true;
	format(problem, size, "disk %s: %s", vm->link[place]->name, why);
	return false;
}

/*
 * Fills in the item of a command for one of the VM's volumes. Returns false, with the reason in
 * `problem`, if that is not possible.
 */
static bool vm_volume_fill(const struct vm_volume_wish *wish, u32 operation, u32 place,
			   struct store_item *item, char *problem, size_t size)
{
	const struct store *store = store_at(vm_volume_store_of(wish->vm, place));
	char name[STORE_NAME_BYTES];
	struct store_volume snapshot;
	struct store_volume own;

	*item = (struct store_item){.volume = wish->vm->link[place]->disk.store.volume,
				    .sectors = wish->vm->link[place]->disk.sectors};
	vm_volume_snapshot_name(wish->snapshots, place, name);
	if (operation == STORE_SNAPSHOT) {
		string_copy(item->name, sizeof(item->name), name);
		if (!vm_volume_find_own(wish->vm, place, store, &own, problem, size))
			return false;
		if (!wish->backup)
			return vm_volume_pass_key(wish->vm, place, store, &own, item, problem,
						  size);
		/* the process that copies needs no key: it copies the encrypted blocks unchanged */
		item->key = own.key;
		return true;
	}
	if (!store_volume_find(store, name, &snapshot)) {
		format(problem, size, "disk %s: the store has lost what it held at the snapshot",
		       wish->vm->link[place]->name);
		return false;
	}
	if (!vm_volume_has_its_key(wish->vm->link[place], &snapshot, problem, size))
		return false;
	if (operation == STORE_ROLLBACK) {
		item->other = snapshot.id;
		return true;
	}
	item->volume = snapshot.id;
	item->sectors = snapshot.sectors;
	vm_volume_clone_name(wish->vm, place, wish->clone, item->name);
	return vm_volume_pass_key(wish->vm, place, store, &snapshot, item, problem, size);
}

/* Gives a store the command for all of the VM's volumes in it, if the store can take one now. */
static enum disk_undo_state vm_volume_ask_store(const struct vm_volume_wish *wish,
						struct vm_volumes_work *work, u32 number,
						char *problem, size_t size)
{
	/* static, as this is too large for a small stack */
	static struct store_item items[STORE_ITEM_MAX];
	struct store *store = store_at(number);
	char why[2 * DRIVER_TEXT_BYTES];
	u32 count = 0;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (!vm_volume_is_wished(wish, i) || vm_volume_store_of(wish->vm, i) != number)
			continue;
		if (!vm_volume_fill(wish, work->operation, i, &items[count++], problem, size))
			return DISK_UNDO_FAILED;
	}
	/*
	 * quotas do not count for a backup, whose snapshots are dropped at its end; a busy store is
	 * asked again, when its last command's volumes can be counted
	 */
	if (!wish->backup && store_is_idle(store) &&
	    !store_quota_allows(store, (enum store_operation)work->operation, items, count, problem,
				size))
		return DISK_UNDO_FAILED;
	work->number[number] = store_ask(store, (enum store_operation)work->operation, items, count,
					 why, sizeof(why));
	if (work->number[number] == 0)
		format(problem, size, "store %s: %s", store->config->section.name, why);
	return DISK_UNDO_PENDING;
}

/*
 * Returns the outcome of the command to a store; DISK_UNDO_PENDING: the store has not answered yet.
 */
static enum disk_undo_state vm_volume_hear_store(const struct vm_volumes_work *work, u32 number,
						 char *problem, size_t size)
{
	const struct store *store = store_at(number);
	char said[4 * STORE_TEXT_BYTES];
	struct store_answer answer;

	if (!store_answered(store, work->number[number], &answer)) {
		format(problem, size, "store %s: its driver does not answer",
		       store->config->section.name);
		return DISK_UNDO_PENDING;
	}
	if (answer.status == STORE_OK)
		return DISK_UNDO_DONE;
	driver_text(answer.text, sizeof(answer.text), said, sizeof(said));
	format(problem, size, "store %s: %s", store->config->section.name,
	       said[0] != '\0' ? said : "its driver could not do it");
	return DISK_UNDO_FAILED;
}

static void vm_volumes_begin(const struct vm_volume_wish *wish, struct vm_volumes_work *work,
			     enum store_operation operation)
{
	*work = (struct vm_volumes_work){.begun = true, .operation = operation};
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm_volume_is_wished(wish, i))
			work->stores |= 1u << vm_volume_store_of(wish->vm, i);
	}
}

static enum disk_undo_state vm_volumes_step_of(const struct vm_volume_wish *wish,
					       struct vm_volumes_work *work, char *problem,
					       size_t size)
{
	enum disk_undo_state all = DISK_UNDO_DONE;

	for (u32 i = 0; i < CONFIG_STORE_MAX; i++) {
		enum disk_undo_state one;

		if ((work->stores & 1u << i) == 0)
			continue;
		if (work->number[i] == 0)
			one = vm_volume_ask_store(wish, work, i, problem, size);
		else
			one = vm_volume_hear_store(work, i, problem, size);
		if (one == DISK_UNDO_FAILED)
			return DISK_UNDO_FAILED;
		if (one == DISK_UNDO_DONE)
			work->stores &= ~(1u << i);
		else
			all = DISK_UNDO_PENDING;
	}
	return all;
}

/* --- a VM's snapshots --- */

static struct vm_volume_wish vm_volumes_of_snapshot(const struct vm *vm)
{
	return (struct vm_volume_wish){
		.vm = vm,
		.disks = ALL_DISKS,
		.snapshots = vm->snapshots.list[vm->snapshots.place].volumes,
	};
}

void vm_volumes_claim(const struct vm *vm, struct vm_snapshot *snapshot)
{
	if (vm_volumes_any(vm))
		snapshot->volumes = ++last_number;
}

void vm_volumes_keep(struct vm *vm)
{
	const struct vm_volume_wish wish = vm_volumes_of_snapshot(vm);

	vm_volumes_begin(&wish, &vm->snapshots.work, STORE_SNAPSHOT);
}

void vm_volumes_go_back(struct vm *vm)
{
	const struct vm_volume_wish wish = vm_volumes_of_snapshot(vm);

	vm_volumes_begin(&wish, &vm->snapshots.work, STORE_ROLLBACK);
	/*
	 * blocks that going back changes are in no list of changes, so the next backup has to be a
	 * full one
	 */
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (!vm_volume_is_written(vm, i))
			continue;
		vm->backup.disk[i].chained = false;
		rekey_abandon(vm->link[i], "its VM has gone back to a snapshot");
	}
}

enum disk_undo_state vm_volumes_done(struct vm *vm, char *problem, size_t size)
{
	const struct vm_volume_wish wish = vm_volumes_of_snapshot(vm);

	return vm_volumes_step_of(&wish, &vm->snapshots.work, problem, size);
}

/* --- a VM's backup --- */

static struct vm_volume_wish vm_volumes_of_backup(const struct vm *vm)
{
	struct vm_volume_wish wish = {.vm = vm, .snapshots = vm->backup.volumes, .backup = true};

	VM_BACKUP_FOR_EACH(vm, i)
		wish.disks |= 1u << i;
	return wish;
}

void vm_volumes_keep_for_backup(struct vm *vm)
{
	struct vm_volume_wish wish;

	vm->backup.volumes = ++last_number;
	wish = vm_volumes_of_backup(vm);
	vm_volumes_begin(&wish, &vm->backup.work, STORE_SNAPSHOT);
	if (vm->backup.work.stores == 0)
		vm->backup.volumes = 0;
}

enum disk_undo_state vm_volumes_are_kept(struct vm *vm, char *problem, size_t size)
{
	const struct vm_volume_wish wish = vm_volumes_of_backup(vm);

	return vm_volumes_step_of(&wish, &vm->backup.work, problem, size);
}

struct driver_link *vm_volume_attach_kept(struct vm *vm, u32 place, char *problem, size_t size)
{
	const struct store *store = store_at(vm_volume_store_of(vm, place));
	char name[STORE_NAME_BYTES];
	struct store_volume kept;

	vm_volume_snapshot_name(vm->backup.volumes, place, name);
	if (store_volume_find(store, name, &kept))
		return disk_volume_attach_copy(vm, store, &kept, problem, size);
	format(problem, size, "its store has lost what it held");
	return NULL;
}

void vm_volumes_forget_backup(struct vm *vm)
{
	if (vm->backup.volumes != 0)
		vm_volumes_look();
	vm->backup.volumes = 0;
}

/* --- clones --- */

enum disk_undo_state vm_volumes_make_clones(const struct vm *from,
					    const struct vm_snapshot *snapshot, const char *name,
					    struct vm_volumes_work *work, char *problem,
					    size_t size)
{
	const struct vm_volume_wish wish = {
		.vm = from, .disks = ALL_DISKS, .snapshots = snapshot->volumes, .clone = name};

	if (!work->begun)
		vm_volumes_begin(&wish, work, STORE_CREATE);
	return vm_volumes_step_of(&wish, work, problem, size);
}

void vm_volumes_drop_clones(const struct vm *from, const char *name,
			    const struct vm_volumes_work *work)
{
	char own[CONFIG_NAME_BYTES];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		u32 store = vm_volume_is_written(from, i) ? vm_volume_store_of(from, i)
							  : CONFIG_STORE_MAX;

		/*
		 * a volume of that name that the store has not made for this clone is another's,
		 * and kept
		 */
		if (store == CONFIG_STORE_MAX || work->number[store] == 0 ||
		    (work->stores & 1u << store) != 0)
			continue;
		vm_volume_clone_name(from, i, name, own);
		vm_volume_drop_later(store, own);
	}
}

static bool vm_volume_is_named(const struct vm_disk *disk, u16 number)
{
	return disk->number != 0 && (disk->flags & VM_DISK_VOLUME) != 0 && disk->volume == number;
}

static bool vm_volume_names(const struct vm_disk *disks, u16 number)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && disks[i].number != 0; i++) {
		if (vm_volume_is_named(&disks[i], number))
			return true;
	}
	return false;
}

/*
 * Returns whether a VM, its schedule of backups, the medium that its drive is about to get or a
 * section of the configuration mentions the volume name of that number.
 */
static bool vm_volume_name_is_used(u16 number)
{
	const struct config *config = boot_config();

	for (u32 i = 0; i < config->vm_count; i++) {
		if (vm_volume_names(config->vm[i].disk, number))
			return true;
	}
	VM_FOR_EACH(vm) {
		if (vm_volume_names(vm->config.disk, number) ||
		    vm_volume_names(vm->next.disk, number) ||
		    vm_volume_names(vm->schedule.disk, number) ||
		    vm_volume_is_named(&vm->media.wanted, number))
			return true;
	}
	return false;
}

bool vm_volumes_give(struct vm *clone, const struct vm *from, char *problem, size_t size)
{
	char name[CONFIG_NAME_BYTES];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		struct vm_disk *disk = &clone->config.disk[i];
		int number;

		disk->flags &= (u8)~VM_DISK_OWN;
		if (!vm_volume_is_written(from, i))
			continue;
		vm_volume_clone_name(from, i, clone->config.name, name);
		number = config_volume_number(text_of(name));
		if (number < 0) {
			format(problem, size,
			       "there are as many names of volumes as there can be, %u; destroy "
			       "VMs that have some",
			       CONFIG_VOLUME_MAX);
			return false;
		}
		disk->volume = (u16)number;
		disk->flags |= VM_DISK_OWN;
	}
	return true;
}

void vm_volumes_forget_names(void)
{
	if (config_volumes_are_many())
		config_volumes_sweep(vm_volume_name_is_used);
}

void vm_volumes_release(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if ((vm->config.disk[i].flags & VM_DISK_OWN) != 0)
			vm_volume_drop_later(vm_volume_store_of(vm, i),
					     config_volume_name(vm->config.disk[i].volume));
	}
	vm_volumes_look();
	vm_volumes_forget_names();
}
