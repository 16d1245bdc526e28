/* SPDX-License-Identifier: MIT */
/*
 * Saves VMs on disks and in stores, and restores them. A save is a renewal whose second process
 * does not run the guest but writes it to a disk, or into a transfer to the client of a machine
 * channel; then the VM ends. A restore is a start whose monitor loads what was written. Called by
 * `vm save`, `vm restore`, `vm digest`, vm_renew.c, vm_backup.c and vm_step. Owns vm->save.
 */
#include "vmm/manager/vm/vm_save.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_clone_disk.h"
#include "vmm/manager/vm/vm_quota.h"
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

static const char *vm_save_place_text(const struct vm *vm, char *text, size_t size)
{
	if (vm_save_has_disk(&vm->save))
		format(text, size, "disk %s", config_disk(vm->save.disk - 1u)->section.name);
	else
		format(text, size, "the store on channel %s", vm->save.channel->name);
	return text;
}

static bool vm_save_has_key(char *problem, size_t size)
{
	if (vm_save_key_is_there())
		return true;
	format(problem, size,
	       "[host] has no state_key; set `state_key` to 64 hex digits that nobody can guess, "
	       "the same for save and restore, or use the command `state key`");
	return false;
}

/* Returns whether the last save is over; it is not while its link or its stream exists. */
static bool vm_save_last_is_over(const struct vm *vm, char *problem, size_t size)
{
	if (vm->save.link == NULL && vm->save.transfer.state == TRANSFER_CLOSED)
		return true;
	format(problem, size, "the last save is not yet done with its %s, try again",
	       vm->save.link != NULL ? "disk" : "store");
	return false;
}

/* Returns whether the store is outside of this VM: a guest that is held takes no data. */
static bool vm_save_store_is_another(const struct vm *vm, const struct vm_save_place *place,
				     char *problem, size_t size)
{
	if (place->channel == NULL || place->channel->on.vm_id != vm->id)
		return true;
	format(problem, size, "it is the store itself; use a store outside of this VM");
	return false;
}

/*
 * Fills the saver's start page. Nothing goes through the channel, which the old monitor reads too.
 */
void vm_save_fill(struct vm *vm, struct start_info *info)
{
	struct vm_saving *save = &vm->save;

	info->parameter[MONITOR_FLAGS] |= save->orders;
	memcpy(&info->parameter[MONITOR_SAVE_KEY], save->key, sizeof(save->key));
	memcpy(&info->parameter[MONITOR_SAVE_SALT], save->salt, sizeof(save->salt));
	secret_forget(save->key, sizeof(save->key));
}

/* Makes room for the link in the quota of a VM that was built when there was no key. */
static bool vm_save_make_room(struct vm *vm, char *problem, size_t size)
{
	if (!vm->save.room)
		vm->save.room = vm_quota_raise(vm, DISK_LINK_PAGES, problem, size);
	return vm->save.room;
}

static bool vm_save_open_place(struct vm *vm, const struct vm_save_place *place, char *problem,
			       size_t size)
{
	vm->save.channel = place->channel;
	if (place->channel != NULL)
		return transfer_open(&vm->save.transfer, place->channel, false, problem, size);
	vm_quota_tidy(vm);
	if (!vm_save_make_room(vm, problem, size))
		return false;
	vm->save.link = disk_attach_save(vm, place->disk, false, problem, size);
	return vm->save.link != NULL;
}

static void vm_save_set_place(struct vm *vm, const struct vm_save_place *place, bool restoring)
{
	vm->save.disk = place->channel != NULL ? (u8)VM_SAVE_CHANNEL : (u8)(place->disk + 1);
	vm->save.channel = place->channel;
	vm->save.restoring = restoring;
	vm->save.answered = false;
	vm->save.goes_on = place->goes_on;
	vm->save.done = false;
	vm->save.problem[0] = '\0';
}

static u32 vm_save_orders(const struct vm *vm, const struct vm_save_place *place)
{
	u32 orders = MONITOR_SAVER;

	if (place->overwrite)
		orders |= MONITOR_SAVE_OVERWRITES;
	if (vm->save.disk == VM_SAVE_DIGEST)
		orders |= MONITOR_SAVE_DIGESTS;
	if (place->goes_on)
		orders |= vm->overcommits ? MONITOR_SAVE_GIVES_PAGES : MONITOR_SAVE_GIVES_BLOCKS;
	return orders;
}

/*
 * Draws a salt and derives the key. Returns false if there is no key, which was looked for before;
 * a digest needs none.
 */
static bool vm_save_make_key(struct vm *vm)
{
	random_draw(vm->save.salt, sizeof(vm->save.salt));
	return vm->save.disk == VM_SAVE_DIGEST ||
	       vm_save_key_make(vm->config.name, vm->save.salt, vm->save.key);
}

static bool vm_save_begin(struct vm *vm, const struct vm_save_place *place, char *problem,
			  size_t size)
{
	vm_save_set_place(vm, place, false);
	vm->save.orders = vm_save_orders(vm, place);
	if (vm_save_make_key(vm) && vm_renew(vm, problem, size))
		return true;
	transfer_forget(&vm->save.transfer);
	vm_save_abandon(vm);
	return false;
}

bool vm_save(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size)
{
	if (!vm_save_last_is_over(vm, problem, size) || !vm_save_has_key(problem, size) ||
	    !vm_save_store_is_another(vm, place, problem, size) ||
	    vm_clone_has_views(vm, problem, size) || !vm_renew_may_begin(vm, problem, size) ||
	    !vm_save_open_place(vm, place, problem, size))
		return false;
	return vm_save_begin(vm, place, problem, size);
}

bool vm_save_digest(struct vm *vm, char *problem, size_t size)
{
	const struct vm_save_place nowhere = {.disk = VM_SAVE_DIGEST - 1u, .goes_on = true};

	return vm_save_last_is_over(vm, problem, size) && vm_renew_may_begin(vm, problem, size) &&
	       vm_save_begin(vm, &nowhere, problem, size);
}

static void vm_save_succeeded(struct vm_saving *save)
{
	save->done = true;
	if (vm_save_has_disk(save))
		save->last = save->disk;
}

const char *vm_save_broken(const struct vm *vm)
{
	return vm->save.transfer.state == TRANSFER_BROKEN ? vm->save.transfer.problem : NULL;
}

u64 vm_save_bytes(const struct vm *vm)
{
	const struct driver_link *link = vm->save.link;
	const struct disk_counts *counts;

	if (link == NULL)
		return 0;
	counts = &driver_of_link(link)->channel->disk.counts[link - driver_of_link(link)->link];
	return READ_ONCE(counts->read_bytes) + READ_ONCE(counts->written_bytes);
}

u32 vm_save_moved(const struct vm *vm)
{
	u32 moved = READ_ONCE(vm->channel->save_moved);

	/* a store has its own time limit, which is shorter */
	return vm->save.disk != VM_SAVE_CHANNEL ? moved : moved + (u32)vm->save.transfer.at;
}

bool vm_saved(struct vm *vm)
{
	char reason[sizeof(vm->reason)];
	char place[CONFIG_NAME_BYTES + 32];

	if (vm->save.disk == VM_SAVE_DIGEST)
		return true;
	if (!vm_save_has_disk(&vm->save) && vm->save.transfer.state != TRANSFER_CONFIRMED)
		return false;
	format(reason, sizeof(reason), "saved %s %s", vm_save_has_disk(&vm->save) ? "on" : "to",
	       vm_save_place_text(vm, place, sizeof(place)));
	vm_save_succeeded(&vm->save);
	if (vm->save.goes_on) {
		log_message(LOG_INFO, LOG_VM, vm->config.name, "%s", reason);
		return true;
	}
	vm_end(vm, reason);
	vm->renewal.problem[0] = '\0'; /* the end of the VM is not a failure here */
	return true;
}

void vm_save_goes_on(struct vm *vm)
{
	vm->save.transfer.bell = HANDLE_NONE; /* the event has ended with the saver */
	if (!vm->save.done && vm->save.transfer.state != TRANSFER_CLOSED)
		transfer_break(&vm->save.transfer, vm->renewal.problem);
}

void vm_save_give(struct vm *vm, struct process_build *build)
{
	if (vm->save.disk != VM_SAVE_CHANNEL)
		return;
	vm->save.transfer.bell = vm->monitor.wake;
	transfer_give(&vm->save.transfer, build, START_SAVE, vm->config.name);
}

/* Returns whether what a restore makes anew can be made, and what it needs is there. */
static bool vm_save_may_restore(struct vm *vm, const struct vm_save_place *place, char *problem,
				size_t size)
{
	bool created = vm->state == VM_CREATED;

	if (!vm_save_has_key(problem, size) ||
	    (place->channel == NULL && !disk_may_be_read(place->disk, problem, size)))
		return false;
	if (!created && !vm_has_ended(vm)) {
		format(problem, size,
		       "%s is %s, only a created, stopped or crashed VM can be "
		       "restored",
		       vm->config.name, vm_state_name(vm->state));
		return false;
	}
	if (!vm_save_last_is_over(vm, problem, size) || !vm_snapshot_may_end(vm, problem, size))
		return false;
	if (!vm->dying && !(created && vm_busy(vm)))
		return true;
	format(problem, size, "%s is still busy with the last command, try again", vm->config.name);
	return false;
}

bool vm_restore(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size)
{
	if (!vm_save_may_restore(vm, place, problem, size) ||
	    (place->channel != NULL &&
	     !transfer_open(&vm->save.transfer, place->channel, true, problem, size)))
		return false;
	vm->save.before = vm->state;
	vm->state = VM_STOPPED; /* it boots anew, from the disk or the store */
	vm_release(vm, AFTER_START);
	vm_save_set_place(vm, place, true);
	return true;
}

bool vm_restore_last(struct vm *vm, char *problem, size_t size)
{
	const struct vm_save_place place = {.disk = vm->save.last - 1u};

	if (vm->save.last != 0)
		return vm_restore(vm, &place, problem, size);
	format(problem, size,
	       "it was neither saved on a disk nor restored from one; use `vm save`, then `vm "
	       "restore`");
	return false;
}

bool vm_restore_failed(struct vm *vm, const char *reason)
{
	bool created = vm->save.before == VM_CREATED;
	char place[CONFIG_NAME_BYTES + 32];

	/* after it has run it may crash as any other VM */
	if (!vm->save.restoring || vm->save.disk == 0 || vm->state != VM_CREATED)
		return false;
	string_copy(vm->save.problem, sizeof(vm->save.problem), reason);
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "not restored from %s: %s",
		    vm_save_place_text(vm, place, sizeof(place)), vm->save.problem);
	vm->state = created ? VM_STOPPED : vm->save.before;
	format(vm->reason, sizeof(vm->reason), "not restored: %s", vm->save.problem);
	vm->save.disk = 0;
	vm_release(vm, created ? AFTER_CREATE : AFTER_NOTHING);
	return true;
}

void vm_save_abandon(struct vm *vm)
{
	if (vm->channel != NULL)
		secret_forget(vm->channel->save_key, sizeof(vm->channel->save_key));
	secret_forget(vm->save.key, sizeof(vm->save.key));
	vm->save.disk = 0;
}

void vm_save_end_transfer(struct vm *vm)
{
	struct vm_saving *save = &vm->save;
	const char *problem = save->restoring ? save->problem : vm->renewal.problem;

	if (save->disk != 0 || save->transfer.state == TRANSFER_CLOSED)
		return;
	transfer_close(&save->transfer, save->done	     ? NULL
					: problem[0] != '\0' ? problem
							     : "the VM has ended meanwhile");
}

/*
 * Tells the monitor the key, once, for the salt that it has read from the save. The key opens a
 * save of this VM or nothing.
 */
static void vm_save_tell_key(struct vm *vm)
{
	struct vm_channel *channel = vm->channel;
	u8 salt[SAVE_SALT_BYTES];
	u8 key[SAVE_KEY_BYTES];

	if (vm->save.answered || __atomic_load_n(&channel->save_key_wanted, __ATOMIC_ACQUIRE) == 0)
		return;
	vm->save.answered = true;
	memcpy(salt, channel->save_salt, sizeof(salt));
	if (!vm_save_key_make(vm->config.name, salt, key)) {
		(void)vm_restore_failed(vm, "its key was forgotten meanwhile");
		return;
	}
	memcpy(channel->save_key, key, sizeof(key));
	secret_forget(key, sizeof(key));
	__atomic_store_n(&channel->save_key_given, 1, __ATOMIC_RELEASE);
	(void)!sys_event_signal(vm->monitor.wake);
}

/* Looks whether the restore under way has come to its end or has failed. */
static void vm_save_look_at_restore(struct vm *vm)
{
	struct vm_saving *save = &vm->save;
	char place[CONFIG_NAME_BYTES + 32];

	if (vm->state == VM_RUNNING) {
		log_message(LOG_INFO, LOG_VM, vm->config.name, "restored from %s",
			    vm_save_place_text(vm, place, sizeof(place)));
		save->restoring = false;
		vm_save_succeeded(save);
	} else if (vm_save_broken(vm) != NULL) {
		(void)vm_restore_failed(vm, vm_save_broken(vm));
	} else if (vm->state == VM_CREATED) {
		vm_save_tell_key(vm);
	}
}

void vm_save_step(struct vm *vm)
{
	struct vm_saving *save = &vm->save;

	if (vm->dying && vm->kept_by_clones)
		vm_save_end_transfer(vm);
	if (vm->dying || vm->renewal.phase != RENEW_NONE)
		return;
	if (save->restoring && save->disk != 0)
		vm_save_look_at_restore(vm);
	if (save->restoring && save->disk != 0)
		return;
	if (save->disk != 0)
		vm_save_abandon(vm);
	if (!vm->dying)
		vm_save_end_transfer(vm);
	if (save->link != NULL && driver_link_end(save->link))
		save->link = NULL;
}

bool vm_save_waits(const struct vm *vm)
{
	return vm_save_broken(vm) != NULL && !vm->dying &&
	       (vm->renewal.phase == RENEW_TAKING ||
		(vm->renewal.phase == RENEW_NONE && vm->save.restoring && vm->state == VM_CREATED));
}
