/* SPDX-License-Identifier: MIT */
/*
 * Has a VM's monitor freeze the guest's file systems before the guest is held. Called by
 * vm_snapshot.c and vm_backup.c in a phase of their own. Owns vm->quiesce; the monitor thaws the
 * file systems by itself when it holds the guest or goes on with it.
 */
#include "vmm/manager/vm/vm_quiesce.h"

#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm.h"

static void vm_quiesce_failed(struct vm *vm, const char *why)
{
	vm->quiesce.why = why;
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "its file systems were not frozen: %s",
		    why);
}

bool vm_quiesce_begin(struct vm *vm, bool wanted)
{
	vm->quiesce = (struct vm_quiesce){.wanted = wanted};
	if (!wanted)
		return false;
	if (vm->state != VM_RUNNING) {
		vm_quiesce_failed(vm, "it does not run");
		return false;
	}
	vm_send(vm, VM_COMMAND_QUIESCE);
	return true;
}

bool vm_quiesce_is_over(struct vm *vm, bool late)
{
	struct vm_quiesce *quiesce = &vm->quiesce;
	u32 state = vm_command_done(vm) ? __atomic_load_n(&vm->channel->quiesce, __ATOMIC_ACQUIRE)
					: QUIESCE_STATE_ASKED;

	if (state == QUIESCE_STATE_ASKED && !late)
		return false;
	if (state == QUIESCE_STATE_FROZEN) {
		quiesce->frozen = true;
		quiesce->count = READ_ONCE(vm->channel->quiesce_frozen);
	} else if (state == QUIESCE_STATE_CLOSED) {
		vm_quiesce_failed(vm, "no guest agent reads a port org.qemu.guest_agent.0");
	} else if (state == QUIESCE_STATE_ASKED) {
		vm_quiesce_failed(vm, "the guest's agent does not answer in time");
	} else if (state == QUIESCE_STATE_BUSY) {
		vm_quiesce_failed(vm, "the guest's agent has not answered the last thaw yet");
	} else {
		vm_quiesce_failed(vm, "the guest's agent refuses to");
	}
	return true;
}

void vm_quiesce_cancel(struct vm *vm)
{
	if (vm->quiesce.wanted && vm->channel != NULL)
		vm_send(vm, VM_COMMAND_THAW);
}
