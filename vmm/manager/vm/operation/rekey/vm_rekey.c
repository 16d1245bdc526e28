/* SPDX-License-Identifier: MIT */
/*
 * Holds a VM's guest for the last round of its volume's rekey, and has its monitor renewed with the
 * new key. Called by `volume rekey` and, as an operation, by vm_operation.c. Owns the phase alone:
 * disk/rekey.c owns the rekey and the keys in the VM's link, vm_renew.c the two monitors.
 */
#include "vmm/manager/vm/operation/rekey/vm_rekey.h"

#include "lib/bits.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/operation/backup/vm_backup_begin.h"
#include "vmm/manager/vm/operation/save/vm_renew.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static struct vm_operation *vm_rekey_of(struct vm *vm)
{
	return &vm->operation[OPERATION_REKEY];
}

/* A phase whose end disk/rekey.c decides, which has limits of its own. */
static void vm_rekey_enter(struct vm *vm, enum vm_rekey_phase phase)
{
	vm_rekey_of(vm)->phase = phase;
	vm_rekey_of(vm)->until_tsc = ~0ull;
}

/* Returns the index of the disk by which the VM writes to that volume, or CONFIG_VM_DISK_MAX. */
static u32 vm_rekey_place(const struct vm *vm, const struct store *store, u64 volume)
{
	u32 i = 0;

	while (i < CONFIG_VM_DISK_MAX &&
	       !(vm->link[i] != NULL && vm->link[i]->disk.store.volume == volume &&
		 vm->config.disk[i].number != 0 &&
		 store_at(vm->config.disk[i].number - 1u) == store && !vm->link[i]->disk.read_only))
		i++;
	return i;
}

struct vm *vm_rekey_user(const struct store *store, u64 volume)
{
	VM_FOR_EACH(vm) {
		if (vm_rekey_place(vm, store, volume) != CONFIG_VM_DISK_MAX)
			return vm;
	}
	return NULL;
}

/* Returns the VM's link to the volume that gets another key, or NULL: its rekey has ended. */
static struct driver_link *vm_rekey_link(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (rekey_uses(vm->link[i]))
			return vm->link[i];
	}
	return NULL;
}

static enum rekey_stage vm_rekey_stage(const struct vm *vm)
{
	enum rekey_stage stage = REKEY_STAGE_ENDED;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && stage == REKEY_STAGE_ENDED; i++) {
		if (vm->link[i] != NULL)
			stage = rekey_stage(vm->link[i]);
	}
	return stage;
}

/* --- the beginning --- */

static bool vm_rekey_may_begin(struct vm *vm, char *problem, size_t size)
{
	if (vm->operation[OPERATION_BACKUP].phase != 0)
		format(problem, size, "a backup of %s is under way, `vm backup cancel %s` ends it",
		       vm->config.name, vm->config.name);
	else
		return vm_renew_may_begin(vm, problem, size);
	return false;
}

static bool vm_rekey_begin(struct vm *vm, const void *wanted, char *problem, size_t size)
{
	const struct vm_rekey_wish *wish = wanted;
	u32 place = vm_rekey_place(vm, wish->store, wish->volume->id);

	if (place == CONFIG_VM_DISK_MAX) {
		format(problem, size, "%s does not use it any more", vm->config.name);
		return false;
	}
	if (!vm_rekey_may_begin(vm, problem, size))
		return false;
	vm_quota_tidy(vm);
	if (!vm_backup_prepare_changes(vm, place, problem, size))
		return false;
	*wish->number =
		rekey_begin(wish->store, wish->volume, vm->link[place], wish->key, problem, size);
	if (*wish->number == 0)
		return false;
	/* the rounds begin the list of changes anew, and encrypted anew all blocks are changed */
	vm->backup.disk[place].chained = false;
	vm->backup.disk[place].merge = false;
	vm_rekey_of(vm)->problem[0] = '\0';
	vm_rekey_enter(vm, VM_REKEY_COPIES);
	return true;
}

bool vm_rekey(struct vm *vm, const struct vm_rekey_wish *wish, char *problem, size_t size)
{
	return vm_operation_begin(vm, OPERATION_REKEY, wish, problem, size);
}

/* --- the steps --- */

/* Ends a VM whose guest may not go on: the volume may have either key. */
static void vm_rekey_lost(struct vm *vm)
{
	vm_rekey_of(vm)->phase = VM_REKEY_NONE;
	vm_crash(vm, "its volume has its old key or the new one, as its store's disk has failed",
		 false);
}

static bool vm_rekey_step_copies(struct vm *vm)
{
	char problem[VM_PROBLEM_BYTES];

	switch (vm_rekey_stage(vm)) {
	case REKEY_STAGE_ENDED:
		vm_rekey_enter(vm, VM_REKEY_NONE);
		return false;
	case REKEY_STAGE_STAND:
		if (vm_busy(vm))
			return false; /* disk/rekey.c waits for a while */
		if (!vm_renew_standing(vm, problem, sizeof(problem))) {
			rekey_goes_back(problem);
			return true;
		}
		vm_rekey_enter(vm, VM_REKEY_STANDS);
		return false;
	default:
		return false;
	}
}

/* Does the rekey's next step while the guest stands still and the old monitor is held. */
static bool vm_rekey_step_standing(struct vm *vm)
{
	switch (vm_rekey_stage(vm)) {
	case REKEY_STAGE_STAND:
		rekey_stands();
		return true;
	case REKEY_STAGE_WORKS:
		return false;
	case REKEY_STAGE_TAKEN:
		vm_renew_go_on_from_standing(vm);
		return true;
	case REKEY_STAGE_LOST:
		vm_rekey_lost(vm);
		return true;
	default:
		vm_renew_give_back(vm, "its volume does not get another key now");
		return true;
	}
}

static bool vm_rekey_step_stands(struct vm *vm)
{
	switch (vm->operation[OPERATION_RENEW].phase) {
	case RENEW_STANDING:
		return vm_rekey_step_standing(vm);
	case RENEW_NONE:
		rekey_is_taken();
		vm_rekey_enter(vm, VM_REKEY_COPIES);
		return true;
	default:
		return false;
	}
}

/*
 * Takes note that the old monitor is to go on. Returns true if the guest stays held, as the volume
 * has to get its old key back first.
 */
static bool vm_rekey_renewed(struct vm *vm, const char *problem)
{
	enum rekey_stage stage;

	if (vm_rekey_of(vm)->phase != VM_REKEY_STANDS)
		return false;
	rekey_goes_back(problem);
	stage = vm_rekey_stage(vm);
	vm_rekey_enter(vm, stage == REKEY_STAGE_WORKS || stage == REKEY_STAGE_LOST
				   ? VM_REKEY_RETURNS
				   : VM_REKEY_COPIES);
	return vm_rekey_of(vm)->phase == VM_REKEY_RETURNS;
}

static void vm_rekey_step_returns(struct vm *vm)
{
	switch (vm_rekey_stage(vm)) {
	case REKEY_STAGE_LOST:
		vm_rekey_lost(vm);
		break;
	case REKEY_STAGE_WORKS:
		break;
	default:
		vm_send(vm, VM_COMMAND_CONTINUE);
		vm_operation_enter(vm_rekey_of(vm), VM_REKEY_CONTINUING, VM_HANDOVER_NS);
		break;
	}
}

static bool vm_rekey_step(struct vm *vm, u64 now_tsc)
{
	switch ((enum vm_rekey_phase)vm_rekey_of(vm)->phase) {
	case VM_REKEY_NONE:
		return false;
	case VM_REKEY_COPIES:
		return vm_rekey_step_copies(vm);
	case VM_REKEY_STANDS:
		return vm_rekey_step_stands(vm);
	case VM_REKEY_RETURNS:
		vm_rekey_step_returns(vm);
		return false;
	case VM_REKEY_CONTINUING:
		if (vm_command_done(vm) || now_tsc >= vm_rekey_of(vm)->until_tsc)
			vm_rekey_enter(vm, VM_REKEY_COPIES);
		return false;
	}
	return false;
}

static void vm_rekey_abandon(struct vm *vm)
{
	rekey_abandon(vm_rekey_link(vm), "its VM has ended meanwhile");
	vm_operation_abandon(vm, OPERATION_REKEY);
}

const struct vm_operation_ops vm_rekey_ops = {
	.name = "rekey",
	.busy = BIT(VM_REKEY_STANDS) | BIT(VM_REKEY_RETURNS) | BIT(VM_REKEY_CONTINUING),
	.begin = vm_rekey_begin,
	.step = vm_rekey_step,
	.abandon = vm_rekey_abandon,
	.renewed = vm_rekey_renewed,
};
