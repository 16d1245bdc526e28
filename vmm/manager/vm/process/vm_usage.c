/* SPDX-License-Identifier: MIT */
/*
 * Computes a VM's times from its group's account and its channel. Called by `vm list` and the
 * machine channel's samples. Holds no state.
 */
#include "vmm/manager/vm/process/vm_usage.h"
#include "lib/read_once.h"
#include "vmm/rt/clock.h"

struct vm_usage vm_usage(const struct vm *vm)
{
	const struct group_page *account = vm_account(vm);
	u64 guest = clock_tsc_to_ns(READ_ONCE(account->guest_tsc));
	u64 counted = clock_tsc_to_ns(READ_ONCE(account->cpu_tsc));
	u64 cpu = MAX(vm_cpu_ns(vm), counted);
	u64 there = vm_uptime_ns(vm) * vm->config.vcpus;
	struct vm_usage usage = {
		/*
		 * time that is not counted yet is the guest's: a thread whose time the kernel has
		 * not counted for long is in the guest
		 */
		.guest_ns = guest + (cpu - counted),
		.monitor_ns = counted > guest ? counted - guest : 0,
		.steal_ns = clock_tsc_to_ns(READ_ONCE(account->waited_tsc)),
	};

	if (there > cpu + usage.steal_ns)
		usage.halted_ns = there - cpu - usage.steal_ns;
	return usage;
}
