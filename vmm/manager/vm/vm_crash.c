/* SPDX-License-Identifier: MIT */
#include "vmm/manager/vm/vm_crash.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/clock.h"

void vm_crash_record(struct vm *vm)
{
	vm->crash_tsc[vm->crash_count++ % VM_CRASH_LIMIT] = clock_tsc();
}

bool vm_crashes_too_often(const struct vm *vm)
{
	u64 oldest = vm->crash_tsc[vm->crash_count % VM_CRASH_LIMIT];

	return vm->crash_count >= VM_CRASH_LIMIT &&
	       clock_tsc_to_ns(clock_tsc() - oldest) < VM_CRASH_WINDOW_NS;
}

void vm_crash_hold(struct vm *vm)
{
	log_message(LOG_WARNING, LOG_VM, vm->config.name,
		    "not restarted, it crashed %u times within %llu s", VM_CRASH_LIMIT,
		    (unsigned long long)(VM_CRASH_WINDOW_NS / NS_PER_S));
	console_notice("%s: not restarted, it crashed %u times within %llu s\n", vm->config.name,
		       VM_CRASH_LIMIT, (unsigned long long)(VM_CRASH_WINDOW_NS / NS_PER_S));
}
