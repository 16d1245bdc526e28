/* SPDX-License-Identifier: MIT */
/*
 * Owns the list of VMs, finds VMs in it and answers questions about one VM. Called by most of the
 * manager. Reads the group's account and a VM's times in the channel; writes nothing in a VM.
 */
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"

static struct vm vms[VM_MAX];
static struct vm *vms_end = vms; /* the entries of `vms` from here on were never used */

struct vm *vm_at(u64 place)
{
	return vms[place].id != 0 ? &vms[place] : NULL;
}

struct vm *vm_next(struct vm *vm)
{
	for (vm = vm == NULL ? vms : vm + 1; vm < vms_end; vm++) {
		if (vm->id != 0)
			return vm;
	}
	return NULL;
}

struct vm *vm_free_slot(void)
{
	struct vm *vm = vms;

	while (vm < vms_end && vm->id != 0)
		vm++;
	if (vm == vms + VM_MAX)
		return NULL;
	vms_end = MAX(vms_end, vm + 1);
	return vm;
}

struct vm *vm_find(const char *name)
{
	VM_FOR_EACH(vm) {
		if (string_equal(vm->config.name, name))
			return vm;
	}
	return NULL;
}

struct vm *vm_by_id(u32 id)
{
	VM_FOR_EACH(vm) {
		if (vm->id == id)
			return vm;
	}
	return NULL;
}

const char *vm_name_by_low_id(u16 low_id)
{
	VM_FOR_EACH(vm) {
		if ((u16)vm->id == low_id)
			return vm->config.name;
	}
	return "";
}

u32 vm_port_find(const struct vm *vm, const char *name)
{
	for (u32 i = 0; i < CONFIG_PORT_MAX && vm->config.port[i][0] != '\0'; i++) {
		if (string_equal(vm->config.port[i], name))
			return i + 1;
	}
	return 0;
}

const char *vm_state_name(enum vm_state state)
{
	return vm_life_state_name(state);
}

const struct group_page *vm_account(const struct vm *vm)
{
	return vm->account != NULL ? vm->account : &vm->final;
}

u64 vm_uptime_tsc(const struct vm *vm)
{
	u64 now = clock_tsc();
	u64 started;
	u64 before;

	if (vm->group == HANDLE_NONE || vm->channel == NULL || vm_has_ended(vm))
		return vm->final_uptime_tsc;
	started = vm->channel->started_tsc;
	before = vm->channel->running_tsc;
	if (vm->state != VM_RUNNING || started == 0 || now < started)
		return before;
	return before + (now - started);
}

u64 vm_uptime_ns(const struct vm *vm)
{
	return clock_tsc_to_ns(vm_uptime_tsc(vm));
}

bool vm_busy(const struct vm *vm)
{
	if (vm_is_ending(vm) || vm_operations_busy(vm))
		return true;
	return !vm_has_ended(vm) && vm->group != HANDLE_NONE &&
	       (!vm_ready(vm) || vm->wish.start || !vm_command_done(vm));
}
