/* SPDX-License-Identifier: MIT */
/*
 * Decides, by the key on_crash, what happens after a crash, and stops restarting after too many
 * crashes. Called by vm_state.c and vm_report.c. Owns the VM's ring of crash times.
 */
#include "vmm/manager/vm/vm_crash.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

void vm_crash_record(struct vm *vm)
{
	vm->crash_tsc[vm->crash_count++ % VM_CRASH_LIMIT] = clock_tsc();
}

static bool vm_crash_too_often(const struct vm *vm)
{
	u64 oldest = vm->crash_tsc[vm->crash_count % VM_CRASH_LIMIT];

	return vm->crash_count >= VM_CRASH_LIMIT &&
	       clock_tsc_to_ns(clock_tsc() - oldest) < VM_CRASH_WINDOW_NS;
}

static void vm_crash_say_held(const struct vm *vm, const char *what, const char *why)
{
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "not %s, %s", what, why);
	notice("%s: not %s, %s\n", vm->config.name, what, why);
}

static bool vm_crash_boot_again(struct vm *vm)
{
	vm_release(vm, AFTER_START);
	return true;
}

static bool vm_crash_go_back(struct vm *vm)
{
	char problem[256];

	if (vm_operations_go_back(vm, problem, sizeof(problem)))
		return true;
	vm_crash_say_held(vm, "restored", problem);
	return false;
}

bool vm_crash_ends(struct vm *vm)
{
	bool restores = vm->config.on_crash == ON_CRASH_RESTORE;
	char why[80];

	if (vm->config.on_crash == ON_CRASH_DESTROY) {
		string_copy(vm->end_reason, sizeof(vm->end_reason), "on_crash = destroy");
		vm_release(vm, AFTER_REMOVE);
		return true;
	}
	if (vm->config.on_crash == ON_CRASH_HOLD)
		return false;
	if (!vm_crash_too_often(vm))
		return restores ? vm_crash_go_back(vm) : vm_crash_boot_again(vm);
	format(why, sizeof(why), "it crashed %u times within %llu s", VM_CRASH_LIMIT,
	       (unsigned long long)(VM_CRASH_WINDOW_NS / NS_PER_S));
	vm_crash_say_held(vm, restores ? "restored" : "restarted", why);
	return false;
}
