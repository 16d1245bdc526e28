/* SPDX-License-Identifier: MIT */
/*
 * VMs on disks. A save is a renewal whose second process does not go on with the guest but writes
 * it to a disk; then the VM ends. A restore is a start whose monitor loads what that has written.
 */
#include "vmm/manager/vm/vm_save.h"
#include "lib/string.h"
#include "vmm/manager/config/setup.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

static const char *disk_name(const struct vm *vm)
{
	return config_disk(vm->save.disk - 1u)->section.name;
}

static bool has_key(char *problem, size_t size)
{
	if (setup_config()->host.state_key.given)
		return true;
	format(problem, size,
	       "[host] has no state_key, allowed: `state_key` and 64 hex digits that nobody can "
	       "guess, the same for save and restore");
	return false;
}

/* While its link is there. */
static bool last_is_over(const struct vm *vm, char *problem, size_t size)
{
	if (vm->save.link == NULL)
		return true;
	format(problem, size, "the last save is not yet done with its disk, try again");
	return false;
}

void vm_save_fill(struct vm *vm)
{
	if (vm->save.disk != 0)
		memcpy(vm->channel->save_key, setup_config()->host.state_key.bytes,
		       sizeof(vm->channel->save_key));
}

bool vm_save(struct vm *vm, u32 disk, bool overwrite, char *problem, size_t size)
{
	if (!last_is_over(vm, problem, size) || !has_key(problem, size) ||
	    !vm_renew_may_begin(vm, problem, size))
		return false;
	vm->save.link = disk_attach_save(vm, disk, false, problem, size);
	if (vm->save.link == NULL)
		return false;
	vm->save.disk = (u8)(disk + 1);
	vm->save.restoring = false;
	vm_save_fill(vm);
	vm->channel->save_overwrite = overwrite;
	if (vm_renew(vm, problem, size))
		return true;
	vm_save_abandon(vm);
	return false;
}

void vm_saved(struct vm *vm)
{
	char reason[sizeof(vm->reason)];

	format(reason, sizeof(reason), "saved on disk %s", disk_name(vm));
	vm_end(vm, reason);
	vm->renewal.problem[0] = '\0'; /* that it has ended is no problem */
}

bool vm_restore(struct vm *vm, u32 disk, char *problem, size_t size)
{
	bool created = vm->state == VM_CREATED;
	enum vm_state before;

	if (!has_key(problem, size) || !disk_may_be_read(disk, problem, size))
		return false;
	if (!created && !vm_has_ended(vm)) {
		format(problem, size,
		       "%s is %s, only a created, stopped or crashed VM can be "
		       "restored",
		       vm->config.name, vm_state_name(vm->state));
		return false;
	}
	if (!last_is_over(vm, problem, size) || !vm_snapshot_may_end(vm, problem, size))
		return false;
	if (vm->dying || (created && vm_busy(vm))) {
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
		return false;
	}
	before = vm->state;
	vm->state = VM_STOPPED; /* boots anew, from the disk */
	vm_release(vm, AFTER_START);
	vm->save = (struct vm_disk_save){
		.disk = (u8)(disk + 1), .restoring = true, .before = before};
	return true;
}

bool vm_restore_failed(struct vm *vm, const char *reason)
{
	bool created = vm->save.before == VM_CREATED;

	/* once it has run it may crash as any other */
	if (!vm->save.restoring || vm->save.disk == 0 || vm->state != VM_CREATED)
		return false;
	string_copy(vm->save.problem, sizeof(vm->save.problem), reason);
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "not restored from disk %s: %s",
		    disk_name(vm), vm->save.problem);
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
	vm->save.disk = 0;
}

void vm_save_step(struct vm *vm)
{
	struct vm_disk_save *save = &vm->save;

	if (vm->dying || vm->renewal.phase != RENEW_NONE)
		return;
	if (save->restoring && save->disk != 0 && vm->state == VM_RUNNING) {
		log_message(LOG_INFO, LOG_VM, vm->config.name, "restored from disk %s",
			    disk_name(vm));
		save->restoring = false;
	}
	if (save->restoring && save->disk != 0)
		return;
	if (save->disk != 0)
		vm_save_abandon(vm);
	if (save->link != NULL && driver_link_end(save->link))
		save->link = NULL;
}
