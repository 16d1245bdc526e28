/* SPDX-License-Identifier: MIT */
/*
 * Saves VMs on disks and in stores, and restores them. A save is a renewal whose second process
 * does not run the guest but writes it to a disk, or into a transfer to the client of a machine
 * channel; then the VM ends. A restore is a start whose monitor loads a save. Called by `vm save`,
 * `vm restore`, `vm digest`, vm_renew.c, vm_backup.c and vm_step. Owns vm->save.
 */
#include "vmm/manager/vm/operation/save/vm_save.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/process/random.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/disks/vm_clone_disk.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/manager/vm/operation/save/vm_renew.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

static const char *vm_save_place_text(const struct vm *vm, char *text, size_t size)
{
	if (vm_save_has_disk(&vm->save))
		format(text, size, "disk %s", config_disk(vm->save.disk - 1u)->section.name);
	else
		format(text, size, "the store on channel %s", vm->save.channel_name);
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

/*
 * Returns whether the last save is over: its link to the disk and its stream to the client are
 * gone.
 */
static bool vm_save_last_is_over(const struct vm *vm, char *problem, size_t size)
{
	if (vm->save.link == NULL && vm->save.transfer.state == TRANSFER_CLOSED)
		return true;
	format(problem, size, "the last save is not yet done with its %s, try again",
	       vm->save.link != NULL ? "disk" : "store");
	return false;
}

/*
 * Returns whether the store, a client of a machine channel, is outside of this VM: a client in the
 * guest could take no data while the guest is held.
 */
static bool vm_save_store_is_another(const struct vm *vm, const struct vm_save_place *place,
				     char *problem, size_t size)
{
	if (place->channel == NULL || place->channel_vm_id != vm->id)
		return true;
	format(problem, size, "it is the store itself; use a store outside of this VM");
	return false;
}

/*
 * Fills the start page of the process that saves with all that it needs. The VM's channel cannot
 * carry this, as the old monitor reads it, too.
 */
static void vm_save_fill(struct vm *vm, struct start_info *info)
{
	struct vm_saving *save = &vm->save;

	info->parameter[MONITOR_FLAGS] |= save->orders;
	memcpy(&info->parameter[MONITOR_SAVE_KEY], save->key, sizeof(save->key));
	memcpy(&info->parameter[MONITOR_SAVE_SALT], save->salt, sizeof(save->salt));
	secret_forget(save->key, sizeof(save->key));
}

/*
 * Raises the quota for the link to the disk of a save, if the VM was built when there was no key of
 * saved VMs.
 */
static bool vm_save_make_room(struct vm *vm, char *problem, size_t size)
{
	if (!vm->save.room)
		vm->save.room = vm_quota_raise(vm, DISK_LINK_PAGES, problem, size);
	return vm->save.room;
}

static bool vm_save_open_place(struct vm *vm, const struct vm_save_place *place, char *problem,
			       size_t size)
{
	vm->save.channel_name = place->channel_name;
	if (place->channel != NULL)
		return transfer_open(&vm->save.transfer, place->channel, false, problem, size);
	vm_quota_tidy(vm);
	if (!vm_save_make_room(vm, problem, size))
		return false;
	vm->save.link = disk_attach_save(vm, place->disk, false, problem, size);
	return vm->save.link != NULL;
}

static void vm_save_enter(struct vm *vm, enum vm_save_phase phase,
			  const struct vm_save_place *place)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SAVE];

	vm->save.disk = place->channel != NULL ? (u8)VM_SAVE_CHANNEL : (u8)(place->disk + 1);
	vm->save.channel_name = place->channel_name;
	operation->phase = phase;
	/* no limit here: disks, stores and the renewal have limits of their own */
	operation->until_tsc = ~0ull;
	vm->save.answered = false;
	vm->save.goes_on = place->goes_on;
	vm->save.done = false;
	operation->problem[0] = '\0';
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
 * Draws a salt and derives the save's key from it. Returns false if there is no key of saved VMs
 * any more; a digest needs none.
 */
static bool vm_save_make_key(struct vm *vm)
{
	random_draw(vm->save.salt, sizeof(vm->save.salt));
	return vm->save.disk == VM_SAVE_DIGEST ||
	       vm_save_key_make(vm->config.name, vm->save.salt, vm->save.key);
}

/* Ends the save or restore; resources that it has left open are closed in the next step. */
static void vm_save_close(struct vm *vm)
{
	vm->operation[OPERATION_SAVE].phase = SAVE_NONE;
	vm->save.disk = 0;
}

static void vm_save_abandon(struct vm *vm)
{
	if (vm->channel != NULL)
		secret_forget(vm->channel->save_key, sizeof(vm->channel->save_key));
	secret_forget(vm->save.key, sizeof(vm->save.key));
	vm_save_close(vm);
}

static bool vm_save_begin_renewal(struct vm *vm, const struct vm_save_place *place, char *problem,
				  size_t size)
{
	vm_save_enter(vm, SAVE_WRITING, place);
	vm->save.orders = vm_save_orders(vm, place);
	if (vm_save_make_key(vm) && vm_renew(vm, problem, size))
		return true;
	transfer_forget(&vm->save.transfer);
	vm_save_abandon(vm);
	return false;
}

static bool vm_save_begin_writing(struct vm *vm, const struct vm_save_place *place, char *problem,
				  size_t size)
{
	if (!vm_save_last_is_over(vm, problem, size) || !vm_save_has_key(problem, size) ||
	    !vm_save_store_is_another(vm, place, problem, size) ||
	    vm_clone_has_views(vm, problem, size) || !vm_renew_may_begin(vm, problem, size) ||
	    !vm_save_open_place(vm, place, problem, size))
		return false;
	return vm_save_begin_renewal(vm, place, problem, size);
}

static bool vm_save_begin_digesting(struct vm *vm, const struct vm_save_place *nowhere,
				    char *problem, size_t size)
{
	return vm_save_last_is_over(vm, problem, size) && vm_renew_may_begin(vm, problem, size) &&
	       vm_save_begin_renewal(vm, nowhere, problem, size);
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

	/*
	 * the store, a channel's client, confirms progress too, within a shorter limit of the
	 * transfer's own
	 */
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
	vm->operation[OPERATION_RENEW].problem[0] =
		'\0'; /* "": the end of the VM is not a failure here */
	return true;
}

void vm_save_goes_on(struct vm *vm)
{
	vm->save.transfer.bell = HANDLE_NONE; /* the event has ended with the process that saved */
	if (!vm->save.done && vm->save.transfer.state != TRANSFER_CLOSED)
		transfer_break(&vm->save.transfer, vm->operation[OPERATION_RENEW].problem);
}

static void vm_save_furnish(struct vm *vm, struct process_build *build, bool heir)
{
	if (heir && vm->operation[OPERATION_SAVE].phase != SAVE_NONE)
		vm_save_fill(vm, build->info);
	if (vm->save.disk != VM_SAVE_CHANNEL)
		return;
	build->info->parameter[MONITOR_FLAGS] |= MONITOR_TRANSFER;
	vm->save.transfer.bell = vm->monitor.wake;
	transfer_give(&vm->save.transfer, build, START_SAVE, vm->config.name);
}

/*
 * Returns whether all that a restore makes anew of the VM can be made, and that the save's disk or
 * store and the key are there.
 */
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
	if (!vm_is_ending(vm) && !(created && vm_busy(vm)))
		return true;
	format(problem, size, "%s is still busy with the last command, try again", vm->config.name);
	return false;
}

static bool vm_save_begin_restoring(struct vm *vm, const struct vm_save_place *place, char *problem,
				    size_t size)
{
	if (!vm_save_may_restore(vm, place, problem, size) ||
	    (place->channel != NULL &&
	     !transfer_open(&vm->save.transfer, place->channel, true, problem, size)))
		return false;
	vm->save.before = vm->state;
	vm->state = VM_STOPPED; /* the VM boots anew, from the disk or the store */
	vm_release(vm, AFTER_START);
	vm_save_enter(vm, SAVE_RESTORING, place);
	return true;
}

/* A request for the operation: to save or to restore, and with which disk or store. */
struct vm_save_wish {
	enum vm_save_phase phase;
	struct vm_save_place place;
};

static bool vm_save_begin(struct vm *vm, const void *wish, char *problem, size_t size)
{
	const struct vm_save_wish *wanted = wish;

	if (wanted->phase == SAVE_RESTORING)
		return vm_save_begin_restoring(vm, &wanted->place, problem, size);
	if (wanted->place.disk == VM_SAVE_DIGEST - 1u)
		return vm_save_begin_digesting(vm, &wanted->place, problem, size);
	return vm_save_begin_writing(vm, &wanted->place, problem, size);
}

bool vm_save(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size)
{
	const struct vm_save_wish wish = {SAVE_WRITING, *place};

	return vm_operation_begin(vm, OPERATION_SAVE, &wish, problem, size);
}

bool vm_save_digest(struct vm *vm, char *problem, size_t size)
{
	const struct vm_save_place nowhere = {.disk = VM_SAVE_DIGEST - 1u, .goes_on = true};

	return vm_save(vm, &nowhere, problem, size);
}

bool vm_restore(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size)
{
	const struct vm_save_wish wish = {SAVE_RESTORING, *place};

	return vm_operation_begin(vm, OPERATION_SAVE, &wish, problem, size);
}

/* Restores the VM from the disk of its last save or restore. */
static bool vm_save_restore_last(struct vm *vm, char *problem, size_t size)
{
	const struct vm_save_place place = {.disk = vm->save.last - 1u};

	if (vm->save.last != 0)
		return vm_restore(vm, &place, problem, size);
	format(problem, size,
	       "it was neither saved on a disk nor restored from one; use `vm save`, then `vm "
	       "restore`");
	return false;
}

/*
 * Handles the end of the monitor that was restoring the VM. Returns false if no restore was under
 * way.
 */
static bool vm_save_restore_failed(struct vm *vm, const char *reason)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SAVE];
	bool created = vm->save.before == VM_CREATED;
	char place[CONFIG_NAME_BYTES + 32];

	/* once the guest has run, the VM may crash as any other VM */
	if (operation->phase != SAVE_RESTORING || vm->state != VM_CREATED)
		return false;
	string_copy(operation->problem, VM_PROBLEM_BYTES, reason);
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "not restored from %s: %s",
		    vm_save_place_text(vm, place, sizeof(place)), operation->problem);
	vm->state = created ? VM_STOPPED : vm->save.before;
	format(vm->reason, sizeof(vm->reason), "not restored: %s", operation->problem);
	vm_save_close(vm);
	vm_release(vm, created ? AFTER_CREATE : AFTER_NOTHING);
	return true;
}

static void vm_save_end_transfer(struct vm *vm)
{
	struct vm_saving *save = &vm->save;
	struct vm_operation *operation = &vm->operation[OPERATION_SAVE];
	const char *problem =
		save->transfer.inward ? operation->problem : vm->operation[OPERATION_RENEW].problem;

	if (operation->phase != SAVE_NONE || save->transfer.state == TRANSFER_CLOSED)
		return;
	transfer_close(&save->transfer, save->done	     ? NULL
					: problem[0] != '\0' ? problem
							     : "the VM has ended meanwhile");
}

/*
 * Gives the monitor the key, once, for the salt that it has read from the save. The salt is the
 * monitor's word, but a key made with this VM's name opens nothing but a save of this VM.
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
		(void)vm_save_restore_failed(vm, "its key was forgotten meanwhile");
		return;
	}
	memcpy(channel->save_key, key, sizeof(key));
	secret_forget(key, sizeof(key));
	__atomic_store_n(&channel->save_key_given, 1, __ATOMIC_RELEASE);
	(void)!sys_event_signal(vm->monitor.wake);
}

/* Notes and reports if the restore under way has succeeded or failed. */
static void vm_save_look_at_restore(struct vm *vm)
{
	struct vm_saving *save = &vm->save;
	char place[CONFIG_NAME_BYTES + 32];

	if (vm->state == VM_RUNNING) {
		log_message(LOG_INFO, LOG_VM, vm->config.name, "restored from %s",
			    vm_save_place_text(vm, place, sizeof(place)));
		vm_save_succeeded(save);
		vm_save_abandon(vm);
	} else if (vm_save_broken(vm) != NULL) {
		(void)vm_save_restore_failed(vm, vm_save_broken(vm));
	} else if (vm->state == VM_CREATED) {
		vm_save_tell_key(vm);
	}
}

static bool vm_save_step(struct vm *vm, u64 now_tsc)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_SAVE];
	struct vm_saving *save = &vm->save;

	(void)now_tsc;
	if (vm_is_ending(vm) && vm->held_by == HELD_BY_CLONES)
		vm_save_end_transfer(vm);
	if (vm_is_ending(vm) || vm->operation[OPERATION_RENEW].phase != RENEW_NONE)
		return false;
	if (operation->phase == SAVE_RESTORING)
		vm_save_look_at_restore(vm);
	if (operation->phase == SAVE_RESTORING)
		return false;
	if (operation->phase == SAVE_WRITING)
		vm_save_abandon(vm);
	if (!vm_is_ending(vm))
		vm_save_end_transfer(vm);
	(void)driver_link_end_at(&save->link);
	return false;
}

/*
 * Returns the TSC by which the save's next step has to be made: at once if its transfer has failed.
 */
static u64 vm_save_deadline(const struct vm *vm)
{
	u32 renewing = vm->operation[OPERATION_RENEW].phase;
	bool restoring = vm->operation[OPERATION_SAVE].phase == SAVE_RESTORING;

	if (vm_save_broken(vm) == NULL || vm_is_ending(vm))
		return ~0ull;
	return renewing == RENEW_TAKING ||
			       (renewing == RENEW_NONE && restoring && vm->state == VM_CREATED)
		       ? 0
		       : ~0ull;
}

const struct vm_operation_ops vm_save_ops = {
	.name = "save",
	.begin = vm_save_begin,
	.step = vm_save_step,
	.deadline = vm_save_deadline,
	.abandon = vm_save_abandon,
	.crashed = vm_save_restore_failed,
	.go_back = vm_save_restore_last,
	.furnish = vm_save_furnish,
	.ended = vm_save_end_transfer,
};
